import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';

/**
 * What a client said it can do for a server: show a form, open a URL, sample a model (with tools), tell its roots, show
 * views (MCP Apps), follow up tasks.
 */
export const CLIENT_ABILITIES = ['form', 'url', 'sampling', 'sampling-tools', 'roots', 'views', 'tasks'] as const;
export type ClientAbility = (typeof CLIENT_ABILITIES)[number];
export type ClientAbilities = ReadonlySet<ClientAbility>;

const VIEWS = 'io.modelcontextprotocol/ui';
const TASKS = 'io.modelcontextprotocol/tasks';
const VIEW_TYPE = 'text/html;profile=mcp-app';

/**
 * The revision that brought elicitation, the one that brought its pages, and the one since which tasks are an
 * extension.
 */
const FORMS_SINCE = '2025-06-18';
const PAGES_SINCE = '2025-11-25';
const TASKS_SINCE = '2026-07-28';

/**
 * Reads `capabilities` of `initialize`, or of a modern request's envelope. What we know no name for is not there, nor
 * what the client's revision has no words for.
 */
export function readClientAbilities(capabilities: unknown, version: string): ClientAbilities {
  const abilities = new Set<ClientAbility>();
  if (!isJsonObject(capabilities)) return abilities;
  const { elicitation, sampling, roots, extensions } = capabilities;
  if (isJsonObject(elicitation) && version >= FORMS_SINCE) {
    // Before 2025-11-25 there were only forms, and `{}` meant them; it still does.
    if (isJsonObject(elicitation['form']) || elicitation['url'] === undefined) abilities.add('form');
    if (isJsonObject(elicitation['url']) && version >= PAGES_SINCE) abilities.add('url');
  }
  if (isJsonObject(sampling)) {
    abilities.add('sampling');
    if (isJsonObject(sampling['tools'])) abilities.add('sampling-tools');
  }
  if (isJsonObject(roots)) abilities.add('roots');
  const views = isJsonObject(extensions) ? extensions[VIEWS] : undefined;
  if (isJsonObject(views) && Array.isArray(views['mimeTypes']) && views['mimeTypes'].includes(VIEW_TYPE))
    abilities.add('views');
  if (isJsonObject(extensions) && isJsonObject(extensions[TASKS]) && version >= TASKS_SINCE) abilities.add('tasks');
  return abilities;
}

/** What needs no question: the same toward a server in every request. */
const ASK_NOTHING = ['views', 'tasks'] as const satisfies readonly ClientAbility[];
export const unasked = (abilities: ClientAbilities): ClientAbilities =>
  abilities.size === 0 ? abilities : new Set(ASK_NOTHING.filter((ability) => abilities.has(ability)));

/**
 * What of it this server may make use of: what the client declared and policy allows (security rule S18). Views and
 * tasks ask nothing of anybody: a server that knows of them offers its tools with a view, or answers a call with a
 * task.
 */
export function abilitiesToward(
  { spec: { mayAsk } }: Pick<DocumentOf<'McpServer'>, 'spec'>,
  declared: ClientAbilities,
): ClientAbilities {
  if (declared.size === 0) return declared;
  const allowed = new Set<ClientAbility>([
    ...ASK_NOTHING,
    ...(mayAsk?.elicitation ?? []),
    ...(mayAsk?.sampling ? (['sampling', 'sampling-tools'] as const) : []),
    ...(mayAsk?.roots ? (['roots'] as const) : []),
  ]);
  return new Set(CLIENT_ABILITIES.filter((ability) => allowed.has(ability) && declared.has(ability)));
}

/** As the protocol writes it, always in the same order: equal abilities are equal text. */
export function capabilitiesOf(abilities: ClientAbilities): JsonObject {
  if (abilities.size === 0) return {};
  const elicitation = { ...(abilities.has('form') ? { form: {} } : {}), ...(abilities.has('url') ? { url: {} } : {}) };
  const extensions = {
    ...(abilities.has('views') ? { [VIEWS]: { mimeTypes: [VIEW_TYPE] } } : {}),
    ...(abilities.has('tasks') ? { [TASKS]: {} } : {}),
  };
  return {
    ...(Object.keys(elicitation).length > 0 ? { elicitation } : {}),
    ...(abilities.has('sampling') ? { sampling: abilities.has('sampling-tools') ? { tools: {} } : {} } : {}),
    ...(abilities.has('roots') ? { roots: {} } : {}),
    ...(Object.keys(extensions).length > 0 ? { extensions } : {}),
  };
}
