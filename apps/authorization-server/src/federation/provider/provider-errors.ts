import type { DocumentOf } from '@sallyport/configuration';
import { hasCode, isErrorOf, SallyportError, type CodeOf } from '@sallyport/kernel';
import { errors } from 'jose';
import * as oauth from 'oauth4webapi';
import { KeysUnavailable } from '@sallyport/access-token/published-keys';

type TrustProvider = DocumentOf<'TrustProvider'>;

const named = ({ spec, name }: TrustProvider): string => spec.displayName ?? name;

export const sayUnavailable = (provider: TrustProvider, why: string): string =>
  `${named(provider)} cannot be used now: ${why}.`;

/** Nobody can sign in there now. `why` is for the person who tried. */
export const unavailable = (provider: TrustProvider, why: string, cause?: unknown) =>
  new SallyportError('trust_provider_unavailable', sayUnavailable(provider, why), { cause });

/** The provider's word about this sign-in, or a response that proves nothing. */
export const refusal = (provider: TrustProvider, why: string, cause?: unknown) =>
  new SallyportError('trust_provider_refused', `${named(provider)} did not confirm the sign-in: ${why}.`, { cause });

export const insecure = (provider: TrustProvider) =>
  unavailable(provider, 'it would have browsers sent to an address without https');

/** The request did not leave this process, so that nothing was spent. */
export const wasNotSent = (cause: unknown): boolean =>
  cause instanceof SallyportError
    ? hasCode(cause, 'outbound_refused', 'outbound_unreachable')
    : cause instanceof oauth.OperationProcessingError || cause instanceof oauth.UnsupportedOperationError;

/** The access token is refused (RFC 6750 section 3.1). */
export const refusesToken = (cause: unknown): boolean =>
  cause instanceof oauth.WWWAuthenticateChallengeError &&
  cause.cause.some(({ parameters }) => parameters.error === 'invalid_token');

/** Errors that are not about what was asked (RFC 6749 sections 4.1.2.1 and 5.2). */
const FAILURES = new Set(['server_error', 'temporarily_unavailable', 'slow_down']);
const CLIENT_REFUSALS = new Set(['invalid_client', 'unauthorized_client']);
const CLIENT_REFUSED = 'it does not accept this gateway as its client, whose secret or key there is to be renewed';

/**
 * What an error of a request to a provider means, in words that say who can do something about it.
 * @param who answered, where it was neither the token endpoint nor the browser, e.g. `its userinfo endpoint`
 */
export function translate(
  provider: TrustProvider,
  cause: unknown,
  who = 'it',
): SallyportError<CodeOf<'trust_provider_'>> {
  if (isErrorOf(cause, 'trust_provider_')) return cause;
  const away = whyAway(cause, who);
  if (away !== undefined) return unavailable(provider, away, cause);
  if (cause instanceof oauth.AuthorizationResponseError)
    return refusal(provider, cause.error === 'access_denied' ? 'it was cancelled' : 'it answered with an error', cause);
  return refusal(provider, 'its answer does not fit the request', cause);
}

/** Why the provider cannot be used now; undefined when it is the answer that cannot. */
function whyAway(cause: unknown, who: string): string | undefined {
  if (isTimeout(cause)) return `${who} did not answer in time`;
  if (cause instanceof SallyportError) return `${who} cannot be reached`;
  if (cause instanceof KeysUnavailable) return 'its keys cannot be read';
  if (cause instanceof errors.JOSEError) return undefined;
  if (cause instanceof oauth.AuthorizationResponseError || cause instanceof oauth.ResponseBodyError) {
    const { error } = cause;
    if (cause instanceof oauth.ResponseBodyError && CLIENT_REFUSALS.has(error)) return CLIENT_REFUSED;
    return FAILURES.has(error) ? `it answered ${error}` : undefined;
  }
  // A challenge where we showed our secret, or a token that the provider made a moment ago (RFC 9110 section 11.6.1).
  if (cause instanceof oauth.WWWAuthenticateChallengeError)
    return who === 'it' && cause.status < 500 ? CLIENT_REFUSED : `${who} answered with status ${cause.status}`;
  const status = statusOf(cause);
  if (status === undefined) return undefined;
  return status === 200 ? `${who} sent something else than an answer` : `${who} answered with status ${status}`;
}

const isTimeout = (cause: unknown): boolean =>
  cause instanceof SallyportError
    ? cause.code === 'outbound_timeout'
    : cause instanceof DOMException && cause.name === 'TimeoutError';

/** Of a response that is none of the protocol at all: an error page, a gateway in between, no JSON. */
function statusOf(cause: unknown): number | undefined {
  if (!(cause instanceof oauth.OperationProcessingError)) return undefined;
  if (cause.code === oauth.RESPONSE_IS_NOT_CONFORM || cause.code === oauth.RESPONSE_IS_NOT_JSON)
    return cause.cause instanceof Response ? cause.cause.status : undefined;
  return cause.code === oauth.PARSE_ERROR ? 200 : undefined;
}
