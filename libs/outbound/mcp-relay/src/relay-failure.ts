import { SallyportError, type SallyportErrorCode } from '@sallyport/kernel';
import type { RelayFailure } from './relay.js';

/** What a server says in TLS about the certificate we showed, or should have shown (RFC 8446 section 6.2). */
const CERTIFICATE_ALERT = new RegExp(
  String.raw`^ERR_SSL_[\w/]*ALERT_(${[
    'BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED',
    'CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|CERTIFICATE_REQUIRED',
  ].join('|')})$`,
);

/** What went wrong while an answer was being read or awaited, by error code; never by message. */
export function reasonOf(error: unknown): RelayFailure {
  if (error instanceof SallyportError) return reasonOfOurs(error.code);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'unreachable';
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'ETIMEDOUT':
      return 'timeout';
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'server-untrusted';
    default:
      return CERTIFICATE_ALERT.test(code) ? 'certificate-refused' : 'interrupted';
  }
}

function reasonOfOurs(code: SallyportErrorCode): RelayFailure {
  switch (code) {
    case 'outbound_proxy_failed':
      return 'proxy-failed';
    case 'outbound_refused':
      return 'refused-destination';
    case 'relay_timeout':
      return 'timeout';
    case 'asked_without_session':
      return 'asked-for-input';
    case 'message_too_large':
      return 'too-large';
    case 'no_room_for_answer':
      return 'no-room';
    default:
      return 'interrupted';
  }
}

/** What the operator's proxy answered; then nothing reached the server. */
export function byProxy(error: unknown): { readonly why?: string; readonly status?: number } {
  if (!(error instanceof SallyportError) || reasonOf(error) !== 'proxy-failed') return {};
  const { status } = (error.detail ?? {}) as { readonly status?: number };
  return { why: error.message, ...(status === undefined ? {} : { status }) };
}

/** The connection ended before any answer: a server closes idle connections, and may just have done so. */
export const isCut = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'UND_ERR_SOCKET' || error.code === 'ECONNRESET' || error.code === 'EPIPE');

export const tooLarge = () => new SallyportError('message_too_large', 'The server sent a message that is too large.');
export const noRoom = () => new SallyportError('no_room_for_answer', 'There is no room for more of the answer.');
export const fellSilent = () => new SallyportError('relay_timeout', 'The server fell silent.');
