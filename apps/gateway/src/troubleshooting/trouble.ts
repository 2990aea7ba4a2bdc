import type { ClientRequest } from '../protocol/client-message.js';
import { refuse } from '../protocol/refuse.js';
import type { Refusal } from '../protocol/refusal.js';

/** One entry of `docs/troubleshooting.md`: what somebody reads, why, and what mends it. */
export interface Trouble {
  readonly words: string;
  readonly because: string;
  readonly fix: string;
}

export type Explained = Omit<Trouble, 'words'>;
export type RefusalOf<T extends Refusal['type']> = Extract<Refusal, { readonly type: T }>;
/** The words are those of `sample`, unless `words` says others: where each refusal of the type has its own. */
export type Entry<R extends Refusal> = Explained & { readonly sample: R; readonly words?: string };

/** Types with an entry for each of their reasons, in files of their own. */
type ByReason = 'server-unavailable' | 'ended' | 'denied' | 'not-admitted';
/** The entries of every other type of refusal. */
export type Entries = {
  readonly [T in Exclude<Refusal['type'], ByReason>]: readonly Entry<RefusalOf<T>>[];
};

export const TRAIL = 'The event of the call (`GET /v1/events`) has the reason and the policies that decided.';
export const OPERATOR = 'Ask whoever runs that server.';

export const troubleOf = ({ sample, words = wordsOf(sample), because, fix }: Entry<Refusal>): Trouble => ({
  words,
  because,
  fix,
});

const REQUEST: ClientRequest = {
  era: 'modern',
  version: '2026-07-28',
  id: 1,
  method: 'tools/call',
  operation: { type: 'call', name: 'a', arguments: {} },
  meta: undefined,
  abilities: new Set(),
  logLevel: undefined,
  session: undefined,
  retry: { requestState: undefined, responses: undefined },
};

/** The words that an agent reads when it calls a tool. */
function wordsOf(refusal: Refusal): string {
  const { status, body } = refuse(refusal, {
    resourceMetadataUrl: '',
    scheme: 'Bearer',
    request: REQUEST,
    id: undefined,
    era: 'modern',
  });
  if (body.type !== 'text') return String(status);
  const { result, error } = JSON.parse(body.text) as {
    readonly result?: { readonly content?: readonly { readonly text: string }[] };
    readonly error?: { readonly message: string };
  };
  return result?.content?.[0]?.text ?? error?.message ?? String(status);
}
