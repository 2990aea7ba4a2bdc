import { isErrorOf } from '@sallyport/kernel';
import type { OutboundFetch } from '@sallyport/oauth';
import type { Obtained } from '../obtained-tokens.js';

/** What came of asking a cloud, and for the trail why there is nothing. */
export interface CloudAnswer {
  readonly obtained: Obtained;
  readonly reason: string | null;
}
/** The cloud refuses the role to this identity, our token (`identity`), or what the document asks for (`request`). */
type CloudRefusal = 'cloud_role_refused' | 'cloud_identity_refused' | 'cloud_request_refused';

const UNAVAILABLE_PAUSE_MS = 5_000;
/** A refusal will not be another one a moment later. */
const REFUSED_PAUSE_MS = 60_000;
const MAX_PAUSE_MS = 300_000;

export type CloudReply =
  | { readonly type: 'answer'; readonly status: number; readonly text: string }
  | ({ readonly type: 'away' } & CloudAnswer);

/** Sends one POST. A cloud that cannot be reached, or says that it is out of order, is away for everybody. */
export async function callCloud(
  url: string,
  init: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  fetch: OutboundFetch,
): Promise<CloudReply> {
  try {
    const response = await fetch(url, { method: 'POST', ...init });
    const { status } = response;
    if (status !== 429 && status < 500) return { type: 'answer', status, text: await response.text() };
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    return {
      type: 'away',
      ...unavailable(
        status === 429 ? 'throttled' : 'unavailable',
        seconds > 0 ? Math.min(seconds * 1000, MAX_PAUSE_MS) : undefined,
      ),
    };
  } catch (error) {
    if (isErrorOf(error, 'outbound_')) return { type: 'away', ...unavailable(error.code) };
    throw error;
  }
}

export function unavailable(reason: string, pauseMs: number = UNAVAILABLE_PAUSE_MS): CloudAnswer {
  return { obtained: { type: 'failed', pauseMs, forAll: true }, reason: told(reason) };
}

/** An answer that makes no sense: not asked again at once, and nobody else is held up. */
export const malformed = (): CloudAnswer => ({
  obtained: { type: 'failed', pauseMs: REFUSED_PAUSE_MS },
  reason: 'malformed_answer',
});

/** @param code the cloud's own word */
export function refused(reason: CloudRefusal, code: string): CloudAnswer {
  return { obtained: { type: 'refused', reason, pauseMs: REFUSED_PAUSE_MS }, reason: told(code) };
}

/** Only what can be a code reaches the trail. */
const told = (code: string): string => (/^[A-Za-z][\w.]{0,63}$/.test(code) ? code : 'unknown_error');
