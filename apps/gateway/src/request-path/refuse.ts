import { bearerChallenge, dpopChallenge } from '@sallyport/access-token';
import type { RequestId } from '@sallyport/mcp-relay';
import { oneLine } from '../dialog/shown-text.js';
import { jsonAnswer, noBody } from '../http/exchange.js';
import type { Answer, CallFacts } from '../http/exchange.js';
import { LEGACY_VERSIONS, mayNeedInput, MODERN_VERSIONS } from '../inbound/client-message.js';
import type { ClientRequest } from '../inbound/client-message.js';
import type { AuthenticationScheme } from './authenticate.js';
import type { EndReason } from './open-calls.js';
import { errorCodes } from './refusal.js';
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

/** Of what the other side named, in a sentence of ours. */
const MAX_NAME = 128;

/** The one place where a refusal becomes HTTP and JSON-RPC (the tables of the specification, 2026-07-28 and 2025-11-25). */
export function refuse(refusal: Refusal, context: RefusalContext): Answer {
  const { request, era } = context;
  const error = (
    status: number,
    code: number,
    message: string,
    data?: unknown,
    headers?: Record<string, string>,
  ): Answer => {
    const body: JsonRpcError = { code, message, ...(data === undefined ? {} : { data }) };
    return {
      ...jsonAnswer(status, { jsonrpc: '2.0', id: request?.id ?? context.id ?? null, error: body }, headers),
      errorCode: code,
    };
  };
  const isCall = request?.operation.type === 'call';
  /** A call is answered in words a model can act on; everything else by an error. */
  const inWords = (code: number, text: string, data?: unknown): Answer =>
    isCall && request !== undefined ? toolFailure(request, text) : error(200, code, text, data);

  switch (refusal.refused) {
    case 'not-ready':
      return error(503, errorCodes.notReady, notReady(refusal.reason), undefined, { 'retry-after': '2' });
    case 'unrecorded':
      return inWords(errorCodes.unrecorded, unrecorded(refusal));
    case 'unauthenticated':
      return unauthenticated(refusal.reason, context);
    case 'http-method':
      return { status: 405, headers: { allow: 'POST, DELETE' }, body: noBody };
    case 'repeated-header':
      return error(400, errorCodes.invalidRequest, `The header ${refusal.header} must not be repeated.`);
    case 'body-too-large':
      return error(413, errorCodes.invalidRequest, 'The request is too large.', undefined, { connection: 'close' });
    case 'media-type':
      return error(415, errorCodes.invalidRequest, 'The body must be application/json.', undefined, {
        connection: 'close',
      });
    case 'not-json':
      return error(400, errorCodes.parse, NOT_JSON);
    case 'invalid-request':
      return error(400, era === 'legacy' ? errorCodes.legacyServer : errorCodes.invalidRequest, refusal.message);
    case 'envelope':
      return error(400, errorCodes.invalidParams, refusal.message);
    case 'header-mismatch':
      return error(400, errorCodes.headerMismatch, refusal.message);
    case 'unsupported-version':
      return error(400, errorCodes.unsupportedVersion, 'Unsupported protocol version.', {
        supported: [...MODERN_VERSIONS, ...LEGACY_VERSIONS],
        requested: refusal.requested,
      });
    case 'unknown-method':
      return error(era === 'modern' ? 404 : 200, errorCodes.methodNotFound, 'Method not found.');
    case 'invalid-params':
      return error(200, errorCodes.invalidParams, refusal.message);
    case 'too-many':
      return error(refusal.byAll ? 503 : 429, errorCodes.notReady, tooMany(refusal), undefined, { 'retry-after': '5' });
    case 'ended':
      return inWords(
        errorCodes.ended,
        `This was ended before it was over: ${endOf(refusal.reason)} It may have taken effect already.`,
      );
    case 'too-often':
      return error(
        429,
        errorCodes.notReady,
        'Every gateway has to be told of this, and your agents had too much told lately. Try again a little later.',
        undefined,
        { 'retry-after': String(refusal.retryAfterSeconds) },
      );
    case 'session-not-found':
      return error(404, errorCodes.legacySessionNotFound, 'Session not found.');
    case 'session-not-ended':
      return error(
        429,
        errorCodes.notReady,
        'The session was not ended: too many that you ended are still remembered. Leave it; it ends by itself.',
        undefined,
        { 'retry-after': String(refusal.retryAfterSeconds) },
      );
    case 'unknown-server':
      return error(404, errorCodes.unknownServer, 'No such server.');
    case 'unknown-tool':
      return error(200, errorCodes.invalidParams, `Unknown tool: ${oneLine(refusal.name, MAX_NAME)}`);
    case 'unknown-prompt':
      return error(200, errorCodes.invalidParams, `Unknown prompt: ${oneLine(refusal.name, MAX_NAME)}`);
    case 'unknown-resource':
      return error(200, errorCodes.invalidParams, 'Unknown resource.', { uri: refusal.uri });
    case 'uri-not-normal':
      return error(200, errorCodes.invalidParams, uriNotNormal(refusal), uriParts(refusal));
    case 'unknown-task':
      return error(200, errorCodes.invalidParams, 'Unknown task.');
    case 'not-admitted':
      // Whoever asks nothing must not take it for done; a challenge would send a client to sign in again, which cures nothing.
      return error(
        request === undefined ? 400 : 200,
        errorCodes.notAdmitted,
        'Access through this agent is not allowed by policy.',
      );
    case 'denied':
      return inWords(
        errorCodes.denied,
        'This is not allowed by policy. Asking again will not change that; an administrator can.',
      );
    case 'credential-refused':
      return inWords(errorCodes.denied, refusal.message);
    case 'insufficient-scope':
      return error(403, errorCodes.denied, 'More scopes are needed for this.', undefined, {
        'www-authenticate': (context.scheme === 'DPoP' ? dpopChallenge : bearerChallenge)({
          resourceMetadataUrl: context.resourceMetadataUrl,
          error: 'insufficient_scope',
          scopes: refusal.requiredScopes,
          description: 'More scopes are needed for this operation.',
        }),
      });
    case 'connect-required':
      return connectRequired(refusal, request, error);
    case 'connect-declined':
      return inWords(
        errorCodes.connectRequired,
        `${refusal.title} is not connected, and the user chose not to connect it now.`,
      );
    case 'missing-capability':
      return error(400, errorCodes.missingCapability, 'The client must declare more capabilities for this.', {
        requiredCapabilities: refusal.required,
      });
    case 'visit-required':
      return error(200, errorCodes.urlElicitationRequired, 'The user has to open a page first.', {
        elicitations: refusal.visits.map((visit, index) => ({ elicitationId: `visit-${index + 1}`, ...visit })),
      });
    case 'server-unavailable':
      return inWords(
        errorCodes.serverUnavailable,
        unavailable(refusal, isCall && refusal.isUnsent !== true),
        refusal.retryAfterSeconds === undefined ? undefined : { retryAfterSeconds: refusal.retryAfterSeconds },
      );
    case 'server-error':
      return error(200, refusal.code, refusal.message, refusal.data);
  }
}

/** What the record says about a refusal. */
export function factsOf(refusal: Refusal): Pick<CallFacts, 'decision' | 'reason'> {
  const reason = 'reason' in refusal ? `${refusal.refused}:${refusal.reason}` : refusal.refused;
  switch (refusal.refused) {
    case 'unauthenticated':
      return { decision: 'unauthenticated', reason: refusal.reason };
    case 'insufficient-scope':
      return { decision: 'step_up', reason };
    case 'connect-required':
    case 'connect-declined':
      return { decision: 'connect_required', reason };
    case 'missing-capability':
    case 'visit-required':
    case 'server-unavailable':
    case 'server-error':
    case 'credential-refused':
    case 'ended':
    case 'unrecorded':
      return { decision: 'allow', reason };
    case 'not-admitted':
    case 'denied':
    case 'unknown-server':
    case 'unknown-tool':
    case 'unknown-prompt':
    case 'unknown-resource':
    case 'unknown-task':
    case 'not-ready':
      return { decision: 'deny', reason };
    default:
      return { decision: 'invalid', reason };
  }
}

/** Why, whose move it is, and which. */
function endOf(reason: EndReason): string {
  switch (reason) {
    case 'cancelled':
      return 'the client cancelled it.';
    case 'session_ended':
      return 'the client ended its MCP session. Begin a new one with initialize.';
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

const NOT_JSON =
  'The body is not JSON, or not unambiguous JSON: a key twice, nesting deeper than 64, an object of more than 10,000 keys, ' +
  'or a number out of range.';

type UriNotNormal = Extract<Refusal, { refused: 'uri-not-normal' }>;

const uriParts = ({ part, normal }: UriNotNormal) => ({ part, ...(normal === undefined ? {} : { normal }) });

function uriNotNormal({ part, normal }: UriNotNormal): string {
  if (part === 'length') return 'The URI is too long.';
  const how =
    normal === undefined
      ? 'It has no one normal form: others could read it as another resource. Write it without that.'
      : `Write ${normal}`;
  return `The URI is not in its normal form (RFC 3986 section 6.2.2): see its ${part}. ${how}`;
}

/** A tool result that says it failed, in the form of the client's era. */
export function toolFailure(request: ClientRequest, text: string): Answer {
  const result = {
    ...(request.era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text }],
    isError: true,
  };
  return jsonAnswer(200, { jsonrpc: '2.0', id: request.id, result });
}

/** Whose move it is: the user's, whose own are too many, or nobody's but ours. */
function tooMany({ what, byAll }: Extract<Refusal, { refused: 'too-many' }>): string {
  if (byAll) return 'The gateway has too much to do just now. Try again shortly.';
  return what === 'bytes'
    ? 'Too much of what you sent or asked for is held here already. Wait for the answers to it.'
    : `Too many ${what} are open. Wait for some of them to end.`;
}

function unauthenticated(
  reason: Extract<Refusal, { refused: 'unauthenticated' }>['reason'],
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
function connectRequired(
  refusal: Extract<Refusal, { refused: 'connect-required' }>,
  request: ClientRequest | undefined,
  error: (status: number, code: number, message: string, data?: unknown) => Answer,
): Answer {
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
      elicitations: [{ mode: 'url', elicitationId, url, message }],
    });
  }
  const text = `${message} Ask the user to open this link in a browser, then try again: ${url}`;
  return request?.operation.type === 'call'
    ? toolFailure(request, text)
    : error(200, errorCodes.connectRequired, `${title} is not connected. ${text}`, { url });
}

const MAY_HAVE_RUN = 'The call may have been carried out: find out before making it again.';

function notReady(reason: string): string {
  if (!reason.startsWith('event_spool')) return 'The gateway is not ready. Try again shortly.';
  return 'The gateway cannot record calls at the moment, so it makes none. Nothing was done. Try again shortly; an administrator finds the cause in its log.';
}

/** 200, without a `Retry-After`: neither client nor proxy nor model is to make it again. */
function unrecorded({ recordId, isDone }: Extract<Refusal, { refused: 'unrecorded' }>): string {
  const what = isDone ? 'This was carried out.' : 'This may have been carried out.';
  return `${what} Its result is withheld, because no record of it could be written. Do not repeat it: an administrator finds it in the log of the gateway as ${recordId}.`;
}

/** Something broke there, or between a proxy and the server (502, 504); 503 says that nothing was done (RFC 9110 section 15.6.4). */
const saysNothingOfIt = (status: number | undefined): boolean =>
  status !== undefined && status >= 500 && status !== 503;

/** @param isCall what was sent may have been carried out by then: that is no invitation to send it again */
function unavailable(
  { title, reason, retryAfterSeconds, status }: Extract<Refusal, { refused: 'server-unavailable' }>,
  isCall: boolean,
): string {
  const when = retryAfterSeconds === undefined ? 'Try again later.' : `Try again in ${retryAfterSeconds} seconds.`;
  switch (reason) {
    case 'credential-rejected':
      return `${title} did not accept the stored credential. ${when}`;
    case 'credential-unavailable':
      return `The credential for ${title} cannot be obtained at the moment. ${when}`;
    case 'scopes-missing':
      return `${title} wants more permissions than the account here has or may be asked for.`;
    case 'timeout':
      return `${title} did not answer in time. ${isCall ? MAY_HAVE_RUN : when}`;
    case 'no-room':
      return `The answer of ${title} was not read to its end: more than there is room for is held for this user, or for all, just now. ${isCall ? MAY_HAVE_RUN : when}`;
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
      return `${title} did not answer as an MCP server should.`;
    case 'interrupted':
      return isCall ? `The connection to ${title} broke off. ${MAY_HAVE_RUN}` : `${title} is not available. ${when}`;
    case 'http-status':
      return isCall && saysNothingOfIt(status)
        ? `${title} failed (HTTP ${status}). ${MAY_HAVE_RUN}`
        : `${title} is not available. ${when}`;
    case 'unreachable':
    case 'refused-destination':
      return `${title} is not available. ${when}`;
  }
}
