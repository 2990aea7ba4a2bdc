import { isErrorOf, type CodeOf, type SallyportError } from '@sallyport/kernel';
import { z } from 'zod';

/** Values that disagree, or are missing, for the trail and the log; none of them is a secret. */
export type FailureDetail = Readonly<Record<string, string | number>>;

/** Why an account cannot be connected at a server, or at its authorization server. */
export interface Failure<R extends string> {
  readonly type: 'failed';
  readonly reason: R;
  /** Whether trying again later could help. */
  readonly isTemporary: boolean;
  readonly detail: FailureDetail;
}

export function lasting<R extends string>(reason: R, detail: FailureDetail = {}): Failure<R> {
  return { type: 'failed', reason, isTemporary: false, detail };
}

export function temporary<R extends string>(reason: R, detail: FailureDetail = {}): Failure<R> {
  return { type: 'failed', reason, isTemporary: true, detail };
}

export type OutboundErrorCode = CodeOf<'outbound_'>;

/** Asking again leads to the same. */
const LASTING: ReadonlySet<OutboundErrorCode> = new Set<OutboundErrorCode>([
  'outbound_proxy_failed',
  'outbound_refused',
  'outbound_redirected',
  'outbound_encoded',
  'outbound_too_large',
]);

/** A request that was not made, or whose answer cannot be used. @throws what is not about that */
export function outboundFailure(error: unknown): Failure<OutboundErrorCode> {
  if (!isErrorOf(error, 'outbound_')) throw error;
  const reason = error.code;
  return (LASTING.has(reason) ? lasting : temporary)(reason, { said: error.message, ...allowedBy(error) });
}

const Refused = z.object({ allow: z.string().max(512) });

/** The line of `OutboundNetwork` that allows what the guard refused. */
function allowedBy({ detail }: SallyportError): { readonly allow?: string } {
  return Refused.safeParse(detail).data ?? {};
}

const TRY_LATER = new Set([408, 425, 429]);

/** Whether a status says that the same request may be answered otherwise later. */
export const saysLater = (status: number): boolean => status >= 500 || TRY_LATER.has(status);

const MAX_SHOWN = 256;

/** An address somebody else named, fit for the trail: without user information, query and fragment. */
export function shownAddress(address: string): string {
  if (!URL.canParse(address)) return shownText(address);
  const { protocol, host, pathname } = new URL(address);
  const isWithoutPath = /^[a-z]+:\/\/[^/]*$/i.test(address);
  return shownText(`${protocol}//${host}${isWithoutPath ? '' : pathname}`);
}

function shownText(text: string): string {
  return text
    .slice(0, MAX_SHOWN)
    .toWellFormed()
    .replace(/\p{C}+/gu, ' ');
}
