import type { z } from 'zod';
import {
  lasting,
  outboundFailure,
  saysLater,
  shownAddress,
  temporary,
  type Failure,
  type OutboundErrorCode,
} from '../failure.js';
import type { OutboundFetch } from '../oauth-client.js';
import { readJsonObject } from '../read-json.js';

/** Why a server, or its authorization server, cannot be used as it describes itself. */
export type DiscoveryFailure<R extends string = never> = Failure<R | MetadataFailure>;
/**
 * `no_metadata`: every address answered, and has none. `outbound_…`: of the last address that could not be asked at
 * all.
 */
type MetadataFailure = 'no_metadata' | 'malformed_metadata' | 'metadata_unavailable' | OutboundErrorCode;

export type Judged<T, R extends string> = ({ readonly type: 'found' } & T) | DiscoveryFailure<R>;

/**
 * Asks one well-known address after the other until one has a document that fits. Whatever else is met there is a miss:
 * a redirect, a page, a host that cannot be reached, another one's document.
 * @returns the miss that says most: a document that does not fit, else an address that may have one and did not
 * say, else `no_metadata`
 */
export async function findMetadata<T extends object, R extends string>(
  addresses: readonly string[],
  judge: (document: Record<string, unknown>) => Judged<T, R>,
  fetch: OutboundFetch,
): Promise<Judged<T, R>> {
  const misses: DiscoveryFailure<R>[] = [];
  const unreachable = new Set<string>();
  for (const address of addresses) {
    if (unreachable.has(originOf(address))) continue;
    const answer = await ask(address, fetch);
    const judged = answer.type === 'document' ? judge(answer.document) : answer;
    if (judged.type === 'found') return judged;
    if (judged.reason === 'outbound_proxy_failed' || (judged.reason.startsWith('outbound_') && judged.isTemporary))
      unreachable.add(originOf(address));
    misses.push({ ...judged, detail: { address: shownAddress(address), ...judged.detail } });
  }
  return (
    misses.find(isTelling) ??
    misses.find(({ reason }) => reason !== 'no_metadata') ??
    lasting('no_metadata', { asked: addresses.map(shownAddress).join(' ') })
  );
}

const isTelling = ({ reason }: Pick<Failure<string>, 'reason'>): boolean =>
  reason !== 'no_metadata' && reason !== 'metadata_unavailable' && !reason.startsWith('outbound_');

/** A document that is not what its specification says, by its first such field. */
export function malformed({ issues: [issue] }: z.ZodError): DiscoveryFailure {
  return lasting('malformed_metadata', { field: issue?.path.join('.') ?? '', problem: issue?.message ?? '' });
}

type Answer = { readonly type: 'document'; readonly document: Record<string, unknown> } | DiscoveryFailure;

async function ask(address: string, fetch: OutboundFetch): Promise<Answer> {
  try {
    const response = await fetch(address, { headers: { accept: 'application/json' }, redirect: 'manual' });
    const { status } = response;
    if (saysLater(status)) return temporary('metadata_unavailable', { status });
    if (status !== 200) return lasting('no_metadata', { status });
    const document = await readJsonObject(response);
    if (document) return { type: 'document', document };
    const isJson = /\bjson\b/i.test(response.headers.get('content-type') ?? '');
    return isJson ? lasting('malformed_metadata', { problem: 'no JSON object' }) : lasting('no_metadata', { status });
  } catch (error) {
    return outboundFailure(error);
  }
}

const originOf = (address: string): string => (URL.canParse(address) ? new URL(address).origin : '');
