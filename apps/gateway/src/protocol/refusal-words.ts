import type { DenialReason } from '@sallyport/policy';
import { adviceOn } from './denial-words.js';
import type { EndReason, Refusal } from './refusal.js';
import { oneLine } from './shown-text.js';

/** Of what the other side named, in a sentence of ours; and of what it says. */
const MAX_NAME = 128;
const MAX_SAID = 512;

/** Why, whose move it is, and which. */
export function endOf(reason: EndReason): string {
  switch (reason) {
    case 'cancelled':
      return 'the client cancelled it.';
    case 'session_ended':
      return 'the client ended its MCP session. Begin a new one with initialize.';
    case 'gateway_stopping':
      return 'the gateway was stopped while it ran.';
    case 'configuration_stale':
      return 'the gateway cannot tell any more what is allowed. An administrator has to see to it.';
    case 'credential_revoked':
      return 'the account it used was disconnected. Connect it again to go on.';
    case 'permit_lost':
      return 'policy allows it no longer. An administrator can say why.';
    case 'token_expired':
      return 'the access token expired. Subscribe again with a new one.';
    case 'token_revoked':
      return 'the sign-in of this agent was ended. Sign in again to go on, or ask an administrator.';
    case 'token_key_withdrawn':
    case 'token_unknown_key':
      return 'the key that signed the access token was withdrawn. Get a new token with the refresh token.';
  }
}

/** One text for a hidden and an absent one (S15). */
export const unknownOffer = (what: 'tool' | 'prompt', name: string): string =>
  `Unknown ${what}: ${oneLine(name, MAX_NAME)}. Nothing of that name is offered to this user through this agent. ` +
  `List the ${what}s again; an administrator can see why one is missing.`;

export const notAdmitted = (reason: DenialReason): string =>
  'Access through this agent is not allowed by policy. ' +
  `${adviceOn(reason) ?? 'Signing in again will not change that; an administrator can.'}`;

export const NOT_JSON =
  'The body is not JSON, or not unambiguous JSON: a key twice, nesting deeper than 64, an object of more than ' +
  '10,000 keys, or a number out of range.';

export type UriNotNormal = Extract<Refusal, { type: 'uri-not-normal' }>;

export function uriNotNormal({ part, normal }: UriNotNormal): string {
  if (part === 'length') return 'The URI is too long.';
  const how =
    normal === undefined
      ? 'It has no one normal form: others could read it as another resource. Write it without that.'
      : `Write ${normal}`;
  return `The URI is not in its normal form (RFC 3986 section 6.2.2): see its ${part}. ${how}`;
}

/** Whose move it is: the user's, whose own are too many, or nobody's but ours. */
export function tooMany({ what, byAll }: Extract<Refusal, { type: 'too-many' }>): string {
  if (byAll) return 'The gateway has too much to do just now. Try again shortly.';
  if (what === 'bytes')
    return 'Too much of what you sent or asked for is held here already. Wait for the answers to it.';
  if (what === 'records')
    return (
      'Nothing was done: the records of what you did before cannot be sent on just now, and what room is left is ' +
      'for others. Try again later; an administrator can see why.'
    );
  return `Too many ${what} are open. Wait for some of them to end.`;
}

const MAY_HAVE_RUN = 'The call may have been carried out: find out before making it again.';

export function notReady(reason: string): string {
  if (!reason.startsWith('event_spool')) return 'The gateway is not ready. Try again shortly.';
  return (
    'The gateway cannot record calls at the moment, so it makes none. Nothing was done. Try again shortly; an ' +
    'administrator finds the cause in its log.'
  );
}

/** 200, without a `Retry-After`: neither client nor proxy nor model is to make it again. */
export function unrecorded({ recordId, isDone }: Extract<Refusal, { type: 'unrecorded' }>): string {
  const what = isDone ? 'This was carried out.' : 'This may have been carried out.';
  return (
    `${what} Its result is withheld, because no record of it could be written. Do not repeat it: an administrator ` +
    `finds it in the log of the gateway as ${recordId}.`
  );
}

/**
 * Something broke there, or between a proxy and the server (502, 504). 503 says that nothing was done (RFC 9110 section
 * 15.6.4).
 */
const saysNothingOfIt = (status: number | undefined): boolean =>
  status !== undefined && status >= 500 && status !== 503;

function byStatus(
  { title, status = 503 }: Extract<Refusal, { type: 'server-unavailable' }>,
  isCall: boolean,
  when: string,
): string {
  if (isCall && saysNothingOfIt(status)) return `${title} failed (HTTP ${status}). ${MAY_HAVE_RUN}`;
  switch (status) {
    case 403:
      return (
        `${title} does not allow this for the account that is used there (HTTP 403). Whoever administers ${title} ` +
        'can say why.'
      );
    case 404:
    case 405:
    case 410:
      return (
        `There is no MCP server at the address of ${title} (HTTP ${status}). An administrator has to see to the ` +
        'url in its document.'
      );
    case 413:
      return `${title} does not take a request of this size (HTTP 413). Make it smaller.`;
    case 429:
      return `${title} gets more requests than it takes (HTTP 429). ${when}`;
    case 503:
      return `${title} is not available. ${when}`;
    default:
      return status >= 500
        ? `${title} failed (HTTP ${status}). ${when}`
        : `${title} refused the request (HTTP ${status}).`;
  }
}

/** @param isCall what was sent may have been carried out by then: that is no invitation to send it again */
export function unavailable(refusal: Extract<Refusal, { type: 'server-unavailable' }>, isCall: boolean): string {
  const { title, reason, retryAfterSeconds, location, said, why } = refusal;
  const words = said === undefined ? '' : ` It says: "${oneLine(said.message, MAX_SAID)}"`;
  const when = retryAfterSeconds === undefined ? 'Try again later.' : `Try again in ${retryAfterSeconds} seconds.`;
  switch (reason) {
    case 'credential-rejected':
      return `${title} did not accept the stored credential. ${when}`;
    case 'credential-unavailable':
      return `${why ?? `The credential for ${title} cannot be obtained at the moment.`} ${when}`;
    case 'scopes-missing':
      return `${title} wants more permissions than the account here has or may be asked for.`;
    case 'timeout':
      return `${title} did not answer in time. ${isCall ? MAY_HAVE_RUN : when}`;
    case 'no-room':
      return (
        `The answer of ${title} was not read to its end: more than there is room for is held for this user, or for ` +
        `all, just now. ${isCall ? MAY_HAVE_RUN : when}`
      );
    case 'too-large':
      return `The answer of ${title} is too large to relay.${isCall ? ` ${MAY_HAVE_RUN}` : ''}`;
    case 'asked-for-input':
      return `${title} asked for input from the user, which is not allowed here.`;
    case 'needs-tasks':
      return `${title} does this only as a task, and this client does not follow up tasks.`;
    case 'parked-call-lost':
      // Also of one that went on with an earlier answer, here or at a replica that is gone since.
      return `The call to ${title} that waited for the user is gone. ${isCall ? MAY_HAVE_RUN : 'Make it again.'}`;
    case 'no-input':
      return `${title} asked for input, and the client did not give it.`;
    case 'certificate-refused':
      return `${title} does not accept the client certificate of this gateway. An administrator has to see to it.`;
    case 'server-untrusted':
      return `${title} shows a certificate that is not trusted here. An administrator has to see to it.`;
    case 'protocol':
    case 'not-mcp':
      return said === undefined
        ? `${title} did not answer as an MCP server should.`
        : `${title} did not understand what the gateway asked.${words}.`;
    case 'refused': {
      const code = said === undefined ? '' : ` (${said.code}).`;
      return `${title} refused.${words}${code}${retryAfterSeconds === undefined ? '' : ` ${when}`}`;
    }
    case 'redirected':
      return (
        `${title} redirects to ${oneLine(location ?? 'another address', MAX_SAID)}. That is not followed: an ` +
        'administrator has to write that address in its document, if it is right.'
      );
    case 'interrupted':
      return isCall ? `The connection to ${title} broke off. ${MAY_HAVE_RUN}` : `${title} is not available. ${when}`;
    case 'http-status':
      return byStatus(refusal, isCall, when);
    case 'refused-destination':
      return (
        `The gateway may not call ${title}: its address is private or not https, and not allowed. An administrator ` +
        'has to allow it in OutboundNetwork; the log of the control plane says with which line.'
      );
    case 'sse-only':
      return (
        `${title} speaks only the transport of 2024-11-05 (HTTP+SSE), which the gateway does not. An administrator ` +
        'has to ask whoever runs it for its streamable HTTP address and write that in its document, or put a ' +
        'bridge in front.'
      );
    case 'proxy-failed':
      return (
        `${title} cannot be reached: the proxy between this gateway and the network did not let the request ` +
        'through. Nothing was done there. An administrator finds why in the log.'
      );
    case 'unreachable':
      return `${title} is not available. ${when}`;
  }
}
