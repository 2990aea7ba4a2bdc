import { createHash } from 'node:crypto';
import { BoundedMap } from '@sallyport/kernel';
import { rewriteJson } from '@sallyport/kernel/json';
import type { Clock } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';
import { isApproved } from '@sallyport/policy';
import type { CompiledPolicies } from '@sallyport/policy';
import type { Catalogue, CataloguedTool } from '@sallyport/server';

export interface SeenToolsOptions {
  readonly append: (record: LifecycleRecord) => Promise<void>;
  readonly replica: string;
  readonly clock: Clock;
  readonly policies: () => CompiledPolicies;
  /** Tools whose definition is not the approved one, at a server of which tools are approved; each definition once. */
  readonly onUnapproved: (server: string, tools: readonly string[]) => void;
  readonly onProblem: (error: unknown) => void;
}

/** Definitions one server can have told of by this process: one that makes up new ones all the time fills no trail. */
const MAX_PER_SERVER = 5_000;
const MAX_DEFINITION = 2_000;
const HINTS = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const;

/**
 * Tells administrators of each definition of a tool once: what they approve is what a server showed (security rule
 * S14). It goes into the trail, under an id that is the same wherever and how often it was seen.
 */
export class SeenTools {
  readonly #options: SeenToolsOptions;
  readonly #told = new BoundedMap<string, true>(50_000);
  readonly #unapproved = new BoundedMap<string, true>(50_000);
  readonly #counts = new Map<string, number>();
  /** Listings that there is nothing more to tell of, under the policies they were compared with. */
  #noted = new WeakMap<Catalogue, CompiledPolicies['set']>();

  constructor(options: SeenToolsOptions) {
    this.#options = options;
  }

  note(listing: Catalogue<CataloguedTool>): void {
    const policies = this.#options.policies();
    if (this.#noted.get(listing) === policies.set) return;
    this.#noted.set(listing, policies.set);
    const { server, entries } = listing;
    const unapproved: string[] = [];
    for (const tool of entries.values()) {
      const key = createHash('sha256')
        .update(JSON.stringify([server, tool.name, tool.definition]))
        .digest('hex');
      this.#tell(key, server, tool);
      if (isApproved(policies, server, tool) === false && this.#unapproved.get(key) === undefined) {
        this.#unapproved.set(key, true);
        unapproved.push(tool.name);
      }
    }
    if (unapproved.length > 0) this.#options.onUnapproved(server, unapproved);
  }

  #tell(key: string, server: string, tool: CataloguedTool): void {
    const count = this.#counts.get(server) ?? 0;
    if (this.#told.get(key) !== undefined || count >= MAX_PER_SERVER) return;
    this.#told.set(key, true);
    this.#counts.set(server, count + 1);
    const { append, replica, clock, onProblem } = this.#options;
    append({
      v: 1,
      type: 'tool.listed',
      id: `tool_${key}`,
      replica,
      at: clock(),
      server,
      detail: { tool: tool.name, sha256: tool.definition, ...shownOf(tool) },
    }).catch((error: unknown) => {
      this.#told.delete(key);
      this.#noted = new WeakMap();
      onProblem(error);
    });
  }
}

/** What an administrator looks at; a long definition is looked at where it comes from. */
function shownOf({ json }: CataloguedTool): Record<string, string | boolean> {
  const value = JSON.parse(json) as { name?: unknown; _meta?: unknown; annotations?: unknown };
  const { name: _name, _meta, ...definition } = value;
  const { annotations } = definition;
  const hints =
    typeof annotations === 'object' && annotations !== null
      ? HINTS.flatMap((hint) =>
          hint in annotations ? [[hint, (annotations as Record<string, unknown>)[hint] === true] as const] : [],
        )
      : [];
  return {
    ...Object.fromEntries(hints),
    definition: rewriteJson({ json, value }, definition).slice(0, MAX_DEFINITION),
  };
}
