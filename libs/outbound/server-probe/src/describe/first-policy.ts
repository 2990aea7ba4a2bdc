import { cleanText } from '@sallyport/kernel';
import type { Findings, FoundTool } from '../findings.js';
import type { CommentedDocument, Surroundings } from './description.js';

/** Names in a comment; the rest is counted. */
const MAX_NAMED = 100;
/** What no document can hold, or a pattern would read as more than one name. */
const UNWRITABLE = /[*\p{Cc}]|[\uD800-\uDFFF]/u;

export interface PolicyNames {
  readonly policy: string;
  readonly server: string;
  readonly credentialProvider: string;
}

/**
 * A first policy: the tools that say of themselves that they only read, by name. Where that cannot be known, a policy
 * that allows nothing until an administrator approved tools as read-only (security rule S14).
 */
export function firstPolicy(findings: Findings, names: PolicyNames, { role }: Surroundings): CommentedDocument {
  const listed = toolsOf(findings);
  const readers = listed?.tools.filter(isReader) ?? [];
  const common = {
    hop: 'gateway-to-server',
    server: names.server,
    ...(role === undefined ? {} : { users: { roles: [role] } }),
    credentialProvider: names.credentialProvider,
  };
  const about = [
    `Who may reach ${names.server}, with which credential, and which of its tools. Nothing else is allowed.`,
    ...(role === undefined
      ? ['It is for everybody who passes the first hop. To narrow it: `users: { roles: [developer] }`.']
      : []),
  ];
  const spec =
    readers.length > 0
      ? { ...common, tools: [{ match: readers.map(({ name }) => name) }] }
      : { ...common, tools: [{ match: ['*'] }], when: 'tool.annotations.readOnlyHint' };
  return {
    document: { kind: 'AccessPolicy', name: names.policy, spec },
    before: about,
    at:
      readers.length > 0
        ? { tools: ['The tools that say of themselves that they only read. That is their word, not a proof.'] }
        : { tools: closedBecause(listed, names.server) },
    after: leftOut(listed?.tools ?? [], listed?.isCut ?? false),
  };
}

/** Our own relay's list, as the gateway would show it; the official client's where only that one was given a list. */
export function toolsOf({
  relay,
  sdk,
}: Findings): { readonly tools: FoundTool[]; readonly isCut: boolean } | undefined {
  if (relay.outcome === 'listed') return relay;
  return sdk.outcome === 'listed' ? sdk : undefined;
}

const isReader = ({ name, readOnlyHint, destructiveHint }: FoundTool): boolean =>
  readOnlyHint === true && destructiveHint !== true && !UNWRITABLE.test(name);

function closedBecause(listed: ReturnType<typeof toolsOf>, server: string): string[] {
  return [
    listed === undefined
      ? 'The tools could not be listed without signing in. So nothing is allowed until you approve tools as read-only:'
      : 'No tool says of itself that it only reads. So nothing is allowed until you approve tools as read-only:',
    `sallyport pins list ${server}, then sallyport pins approve ${server} TOOL... with what reads.`,
    'Or write the names of tools in `match`, and remove `when`.',
  ];
}

function leftOut(tools: readonly FoundTool[], isCut: boolean): string[] {
  const others = tools.filter((tool) => !isReader(tool));
  return [
    ...(others.length === 0 ? [] : ['Left out, and why:']),
    ...others.slice(0, MAX_NAMED).map((tool) => `  ${cleanText(tool.name, 128)}: ${whyLeftOut(tool)}`),
    ...(others.length > MAX_NAMED ? [`  and ${others.length - MAX_NAMED} more`] : []),
    ...(isCut ? ['The server has more tools than were read.'] : []),
  ];
}

function whyLeftOut({ name, readOnlyHint, destructiveHint }: FoundTool): string {
  if (readOnlyHint === true && destructiveHint === true) return 'says that it only reads, and that it destroys';
  if (readOnlyHint === true && UNWRITABLE.test(name)) return 'its name would stand for others as a pattern';
  if (readOnlyHint === false)
    return destructiveHint === false ? 'says that it changes something' : 'changes something, and may destroy';
  return 'does not say that it only reads (readOnlyHint)';
}
