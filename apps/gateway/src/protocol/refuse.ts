import { bearerChallenge, dpopChallenge } from '@sallyport/access-token';
import type { RequestId } from '@sallyport/mcp-relay';
import { jsonAnswer, noBody } from './exchange.js';
import type { Answer } from './exchange.js';
import { LEGACY_VERSIONS, mayNeedInput, MODERN_VERSIONS } from './client-message.js';
import type { ClientRequest } from './client-message.js';
import type { AuthenticationScheme } from './authorization-header.js';
import { scopesAreMissing } from './denial-words.js';
import { errorCodes } from './refusal.js';
import {
  endOf,
  NOT_JSON,
  notAdmitted,
  notReady,
  tooMany,
  unavailable,
  unknownOffer,
  unrecorded,
  uriNotNormal,
} from './refusal-words.js';
import type { UriNotNormal } from './refusal-words.js';
import type { JsonRpcError, Refusal } from './refusal.js';

/** What the wording depends on: who asks in which era; a request that was never understood has no `request`. */
export interface RefusalContext {
  readonly resourceMetadataUrl: string;
  /** How the token came, which is how it is asked for. */
  readonly scheme: AuthenticationScheme;
  readonly request: ClientRequest | undefined;
  /** The id of a body that could be read but not accepted. */
  readonly id: RequestId | undefined;
  readonly era: 'modern' | 'legacy';
}

/** How answers to one request are made. */
interface Wording {
  readonly context: RefusalContext;
  /** An error of HTTP and of JSON-RPC. */
  readonly error: (
    status: number,
    code: number,
    message: string,
    more?: { readonly data?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ) => Answer;
  /** A call is answered in words a model can act on; everything else by an error. */
  readonly inWords: (code: number, text: string, data?: unknown) => Answer;
}

/**
 * The one place where a refusal becomes HTTP and JSON-RPC (the tables of the specification, 2026-07-28 and 2025-11-25).
 */
export function refuse(refusal: Refusal, context: RefusalContext): Answer {
  const { request } = context;
  const error: Wording['error'] = (status, code, message, { data, headers } = {}) => {
    const body: JsonRpcError = { code, message, ...(data === undefined ? {} : { data }) };
    const id = request?.id ?? context.id ?? null;
    return { ...jsonAnswer(status, { jsonrpc: '2.0', id, error: body }, { ...headers }), errorCode: code };
  };
  const inWords: Wording['inWords'] = (code, text, data) =>
    request?.operation.type === 'call' ? toolFailure(request, text) : error(200, code, text, { data });
  return refuseOne(refusal.type, refusal, { context, error, inWords });
}

type RefusalOf = { readonly [T in Refusal['type']]: Extract<Refusal, { readonly type: T }> };

/** One type variable holds the table and the refusal together: no entry words another one's refusal. */
const refuseOne = <T extends Refusal['type']>(type: T, refusal: RefusalOf[T], wording: Wording): Answer =>
  answers[type](refusal, wording);

const retryAfter = (seconds: number) => ({ headers: { 'retry-after': String(seconds) } });
const closing = { headers: { connection: 'close' } };

const answers: { readonly [T in Refusal['type']]: (refusal: RefusalOf[T], wording: Wording) => Answer } = {
  // Of the gateway, and of HTTP.
  'not-ready': ({ reason }, { error }) => error(503, errorCodes.notReady, notReady(reason), retryAfter(2)),
  unrecorded: (refusal, { inWords }) => inWords(errorCodes.unrecorded, unrecorded(refusal)),
  unauthenticated: ({ reason }, { context }) => unauthenticated(reason, context),
  'http-method': () => ({ status: 405, headers: { allow: 'POST, DELETE' }, body: noBody }),
  'repeated-header': ({ header }, { error }) =>
    error(400, errorCodes.invalidRequest, `The header ${header} must not be repeated.`),
  'body-too-large': (_, { error }) => error(413, errorCodes.invalidRequest, 'The request is too large.', closing),
  'media-type': (_, { error }) => error(415, errorCodes.invalidRequest, 'The body must be application/json.', closing),

  // Of the message.
  'not-json': (_, { error }) => error(400, errorCodes.parse, NOT_JSON),
  'invalid-request': ({ message }, { error, context }) =>
    error(400, context.era === 'legacy' ? errorCodes.legacyServer : errorCodes.invalidRequest, message),
  envelope: ({ message }, { error }) => error(400, errorCodes.invalidParams, message),
  'header-mismatch': ({ message }, { error }) => error(400, errorCodes.headerMismatch, message),
  'unsupported-version': ({ requested }, { error }) =>
    error(400, errorCodes.unsupportedVersion, 'Unsupported protocol version.', {
      data: { supported: [...MODERN_VERSIONS, ...LEGACY_VERSIONS], requested },
    }),
  'unknown-method': (_, { error, context }) =>
    error(context.era === 'modern' ? 404 : 200, errorCodes.methodNotFound, 'Method not found.'),
  'invalid-params': ({ message }, { error }) => error(200, errorCodes.invalidParams, message),

  // Of limits and of sessions.
  'too-many': (refusal, { error }) =>
    error(refusal.byAll ? 503 : 429, errorCodes.notReady, tooMany(refusal), retryAfter(5)),
  'too-often': ({ retryAfterSeconds }, { error }) =>
    error(
      429,
      errorCodes.notReady,
      'Other gateways have to be told of this, and your agents had too much told lately. Try again a little later.',
      retryAfter(retryAfterSeconds),
    ),
  ended: ({ reason }, { inWords }) =>
    inWords(errorCodes.ended, `This was ended before it was over: ${endOf(reason)} It may have taken effect already.`),
  'session-not-found': (_, { error }) => error(404, errorCodes.legacySessionNotFound, 'Session not found.'),
  'session-not-ended': ({ retryAfterSeconds }, { error }) =>
    error(
      429,
      errorCodes.notReady,
      'The session was not ended: too many that you ended are still remembered. Leave it; it ends by itself.',
      retryAfter(retryAfterSeconds),
    ),

  // Of what is asked for.
  'unknown-server': (_, { error }) =>
    error(
      404,
      errorCodes.unknownServer,
      'No such server, or none for this user through this agent: an administrator can see why.',
    ),
  'unknown-tool': ({ name }, { error }) => error(200, errorCodes.invalidParams, unknownOffer('tool', name)),
  'unknown-prompt': ({ name }, { error }) => error(200, errorCodes.invalidParams, unknownOffer('prompt', name)),
  'unknown-resource': ({ uri }, { error }) =>
    error(
      200,
      errorCodes.invalidParams,
      'Unknown resource, or none for this user through this agent: an administrator can see why.',
      { data: { uri } },
    ),
  'uri-not-normal': (refusal, { error }) =>
    error(200, errorCodes.invalidParams, uriNotNormal(refusal), { data: uriParts(refusal) }),
  'unknown-task': (_, { error }) => error(200, errorCodes.invalidParams, 'Unknown task.'),

  // Of policy and of credentials.
  // A client that asks nothing must not take a no for done; a challenge would make it sign in again, which cures
  // nothing.
  'not-admitted': ({ reason }, { error, context }) =>
    error(context.request === undefined ? 400 : 200, errorCodes.notAdmitted, notAdmitted(reason)),
  denied: ({ advice }, { inWords }) =>
    inWords(
      errorCodes.denied,
      advice ?? 'This is not allowed by policy. Asking again will not change that; an administrator can.',
    ),
  'credential-refused': ({ message }, { inWords }) => inWords(errorCodes.denied, message),
  'insufficient-scope': ({ missing, requiredScopes: scopes }, { error, context }) => {
    const { resourceMetadataUrl, scheme } = context;
    const description = scopesAreMissing(missing);
    const challenge = scheme === 'DPoP' ? dpopChallenge : bearerChallenge;
    const asked = challenge({ resourceMetadataUrl, error: 'insufficient_scope', scopes, description });
    return error(403, errorCodes.denied, description, { headers: { 'www-authenticate': asked } });
  },
  'connect-required': (refusal, wording) => connectRequired(refusal, wording),
  'connect-declined': ({ title }, { inWords }) =>
    inWords(errorCodes.connectRequired, `${title} is not connected, and the user chose not to connect it now.`),

  // Of the server, and of what it wants of the client.
  'missing-capability': ({ required }, { error }) =>
    error(400, errorCodes.missingCapability, 'The client must declare more capabilities for this.', {
      data: { requiredCapabilities: required },
    }),
  'visit-required': ({ visits }, { error }) =>
    error(200, errorCodes.urlElicitationRequired, 'The user has to open a page first.', {
      data: { elicitations: visits.map((visit, index) => ({ elicitationId: `visit-${index + 1}`, ...visit })) },
    }),
  'server-unavailable': (refusal, { inWords, context }) => {
    const mayHaveRun = context.request?.operation.type === 'call' && refusal.isUnsent !== true;
    const { retryAfterSeconds } = refusal;
    const data = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
    return inWords(errorCodes.serverUnavailable, unavailable(refusal, mayHaveRun), data);
  },
  'server-error': ({ code, message, data }, { error }) => error(200, code, message, { data }),
};

const uriParts = ({ part, normal }: UriNotNormal) => ({ part, ...(normal === undefined ? {} : { normal }) });

/** A tool result that says it failed, in the form of the client's era. */
export const toolFailure = (request: ClientRequest, text: string): Answer =>
  toolResult(request, text, { isError: true });

function toolResult(request: ClientRequest, text: string, more: { readonly isError?: true } = {}): Answer {
  const result = {
    ...(request.era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
    ...more,
  };
  return jsonAnswer(200, { jsonrpc: '2.0', id: request.id, result });
}

function unauthenticated(
  reason: RefusalOf['unauthenticated']['reason'],
  { resourceMetadataUrl, scheme }: Pick<RefusalContext, 'resourceMetadataUrl' | 'scheme'>,
): Answer {
  if (reason === 'proof_share_full') return { status: 429, headers: { 'retry-after': '5' }, body: noBody };
  if (reason === 'keys_unavailable' || reason === 'proof_memory_full')
    return { status: 503, headers: { 'retry-after': '5' }, body: noBody };
  const challenge = challengeFor(reason, scheme, resourceMetadataUrl);
  return { status: 401, headers: { 'www-authenticate': challenge, 'cache-control': 'no-store' }, body: noBody };
}

/** A token that needs a proof is asked for as such, also when it came as if it needed none (RFC 9449 section 7.1). */
function challengeFor(reason: string, scheme: AuthenticationScheme, resourceMetadataUrl: string): string {
  if (reason === 'proof_required') return dpopChallenge({ resourceMetadataUrl, error: 'invalid_token' });
  if (scheme === 'DPoP')
    return dpopChallenge({
      resourceMetadataUrl,
      error: reason.startsWith('proof_') ? 'invalid_dpop_proof' : 'invalid_token',
    });
  return reason === 'no_token'
    ? bearerChallenge({ resourceMetadataUrl })
    : bearerChallenge({ resourceMetadataUrl, error: 'invalid_token' });
}

/** Sends the user to our connect page by the best means this client has (B2). */
function connectRequired(refusal: RefusalOf['connect-required'], { error, context: { request } }: Wording): Answer {
  const { title, url, message, requestState } = refusal;
  const canAsk = request !== undefined && request.abilities.has('url') && mayNeedInput(request);
  if (canAsk && request.era === 'modern') {
    const inputRequests = { connect: { method: 'elicitation/create', params: { mode: 'url', url, message } } };
    return jsonAnswer(200, {
      jsonrpc: '2.0',
      id: request.id,
      result: { resultType: 'input_required', inputRequests, requestState },
    });
  }
  if (canAsk && request.version >= '2025-11-25') {
    const elicitationId = url.slice(url.lastIndexOf('/') + 1).slice(-64);
    return error(200, errorCodes.urlElicitationRequired, message, {
      data: { elicitations: [{ mode: 'url', elicitationId, url, message }] },
    });
  }
  // The link is what the tool is for: many hosts throw at a result that is an error, and show nothing of it.
  if (refusal.isAskedFor === true && request?.operation.type === 'call')
    return toolResult(
      request,
      `${message} Ask the user to open this link in a browser, and list the tools again afterwards: ${url}`,
    );
  const text = `${message} Ask the user to open this link in a browser, then try again: ${url}`;
  return request?.operation.type === 'call'
    ? toolFailure(request, text)
    : error(200, errorCodes.connectRequired, `${title} is not connected. ${text}`, { data: { url } });
}
