import { createHash } from 'node:crypto';
import { DEFAULT_TOOL_NAME_LENGTH } from '@sallyport/configuration';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { compilePolicies, serversFor } from '@sallyport/policy';
import type { Caller, CompiledPolicies } from '@sallyport/policy';
import type { Naming } from '@sallyport/server';

/** The newest configuration. `unavailable` says why nothing can be vouched for (fail closed, security rule S27). */
export type CurrentConfiguration = () =>
  | { readonly snapshot: ConfigurationSnapshot }
  | { readonly unavailable: string };

/** What a call is decided by: the configuration as it is for one caller at one moment. */
export interface ConfiguredFor {
  readonly snapshot: ConfigurationSnapshot;
  readonly policies: CompiledPolicies;
  readonly documentsGeneration: number;
  readonly naming: Naming;
  /** The servers policy could let this caller reach, of those the request addresses; sorted. */
  readonly servers: readonly string[];
  /** Milliseconds since the epoch: one moment for the whole decision. */
  readonly now: number;
}

/** @param target the server of `/mcp/<server>`; `undefined` on `/mcp` */
export function configuredFor(
  snapshot: ConfigurationSnapshot,
  caller: Caller,
  target: string | undefined,
  now: number,
): ConfiguredFor {
  const policies = compilePolicies(snapshot);
  const reachable = serversFor(policies, caller);
  const servers = target === undefined ? reachable : reachable.filter((server) => server === target);
  const naming = target === undefined ? namingOf(snapshot) : { ...namingOf(snapshot), prefix: 'never' as const };
  return { snapshot, policies, servers, documentsGeneration: documentsGeneration(snapshot), naming, now };
}

const generations = new WeakMap<object, number>();
let lastGeneration = 0;

/** A number per set of documents: revocations raise the revision, but void neither leases nor catalogues. */
export function documentsGeneration(snapshot: ConfigurationSnapshot): number {
  let generation = generations.get(snapshot.documents);
  if (generation === undefined) generations.set(snapshot.documents, (generation = ++lastGeneration));
  return generation;
}

const digests = new WeakMap<object, string>();

/** The same on every replica that holds these documents, whatever was revoked meanwhile. */
export function documentsDigest({ documents }: ConfigurationSnapshot): string {
  let digest = digests.get(documents);
  if (digest === undefined) {
    const sorted = [...documents].sort(([a], [b]) => (a < b ? -1 : 1));
    digests.set(documents, (digest = createHash('sha256').update(JSON.stringify(sorted)).digest('base64url')));
  }
  return digest;
}

/** Without a `Gateway` document names carry prefixes; `never` counts only while there is a single server (S12). */
function namingOf(snapshot: ConfigurationSnapshot): Naming {
  const { toolPrefix = 'server', toolNameLength = DEFAULT_TOOL_NAME_LENGTH } =
    snapshot.get('Gateway', 'default')?.spec ?? {};
  return {
    prefix: toolPrefix === 'never' && snapshot.all('McpServer').length === 1 ? 'never' : 'server',
    longest: toolNameLength,
  };
}
