import { cleanText, SallyportError } from '@sallyport/kernel';
import type { Delivered } from './log-sink.js';

/** A `fetch` behind the outbound guard: it rejects with `SallyportError` whatever goes wrong on the way. */
export type Fetch = typeof globalThis.fetch;

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

export interface HttpPost {
  readonly method?: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

export type Unavailable = Extract<Delivered, { type: 'unavailable' }>;

const MOST_SAID = 300;

/** Sends one request. What keeps it from being answered is `unavailable`. @throws the signal's reason */
export async function post(
  fetch: Fetch,
  url: string,
  { method = 'POST', headers, body, signal }: HttpPost,
): Promise<HttpAnswer | Unavailable> {
  try {
    const answer = await fetch(url, { method, headers, body, signal });
    return { status: answer.status, text: await answer.text(), retryAfterMs: retryAfterOf(answer) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { type: 'unavailable', taken: 0, reason: error.code, said: error.message };
  }
}

export const isUnanswered = (answer: HttpAnswer | Unavailable): answer is Unavailable => 'type' in answer;

/** Statuses that say that a record is not as the receiver wants it (RFC 9110 section 15.5). */
const REFUSING = new Set([400, 422]);
const TOO_LARGE = 413;

/** What a status means where the receiver's protocol says no more about it. */
export function deliveredBy(answer: HttpAnswer | Unavailable): Delivered {
  if (isUnanswered(answer)) return answer;
  const { status, retryAfterMs } = answer;
  const said = saidBy(answer);
  if (status >= 200 && status < 300) return { type: 'taken', said };
  const reason = `http_${status}`;
  if (status === TOO_LARGE) return { type: 'refused', taken: 0, isTooLarge: true, reason, said };
  if (REFUSING.has(status)) return { type: 'refused', taken: 0, isTooLarge: false, reason, said };
  return { type: 'unavailable', taken: 0, reason, said, retryAfterMs };
}

/** E.g. `HTTP 429: too many events`. */
export function saidBy({ status, text }: HttpAnswer): string {
  const words = cleanText(text, MOST_SAID);
  return words === '' ? `HTTP ${status}` : `HTTP ${status}: ${words}`;
}

/** Seconds, or a date (RFC 9110 section 10.2.3), which is compared with the receiver's own clock. */
function retryAfterOf({ headers }: Response): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const ms = Date.parse(value) - Date.parse(headers.get('date') ?? '');
  return ms > 0 ? ms : undefined;
}
