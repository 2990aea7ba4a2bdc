import { OPERATOR, troubleOf } from './trouble.js';
import type { Explained, RefusalOf, Trouble } from './trouble.js';

type Unavailable = RefusalOf<'server-unavailable'>;

const UNAVAILABLE: { readonly [R in Unavailable['reason']]: Explained & { readonly detail?: Partial<Unavailable> } } = {
  unreachable: {
    because: "Nobody listens at the server's address, or its name is not known.",
    fix: "See `url` of its document, and whether it runs; the gateway's log has `a server cannot be listed`.",
  },
  'proxy-failed': {
    because: 'The proxy of `HTTPS_PROXY` does not answer, or does not let the gateway through.',
    fix: '[outbound proxy](outbound-proxy.md).',
  },
  'refused-destination': {
    because: 'The server is on a private address, or plain http, and not listed.',
    fix: 'Add the line from the log to `allow` of `OutboundNetwork`, and start again.',
  },
  timeout: {
    because: 'The server was silent for its `timeout` (60s by default).',
    fix: 'Raise `timeout` of its document if it may take so long.',
  },
  interrupted: { because: 'The connection to the server broke while it answered.', fix: OPERATOR },
  'too-large': {
    because: 'The answer is larger than `SALLYPORT_MAX_ANSWER_MEBIBYTES`.',
    fix: 'Ask for less; or raise it.',
  },
  'no-room': {
    because: 'Answers on their way fill all the memory that one user, or all users, may have.',
    fix: 'Wait; [overload](overload.md).',
  },
  'not-mcp': {
    because: 'Something answers that is no MCP server: a page, a login, another service.',
    fix: 'See `url` of its document: the path is part of it.',
  },
  'sse-only': {
    because: 'The server is of the transport of 2024-11-05: an event stream at `/sse`.',
    fix: 'Ask its operator for its streamable HTTP address; else put a bridge in front, such as `supergateway`.',
  },
  'http-status': {
    because: 'The server answered with this HTTP status and no words.',
    fix: OPERATOR,
    detail: { status: 502 },
  },
  redirected: {
    because: 'The server answers with a redirect, and redirects are not followed (S11).',
    fix: 'Write the address from the message in `url` of its document.',
    detail: { location: 'https://tracker.example/mcp/' },
  },
  refused: {
    because: 'The server refused in the words that follow.',
    fix: OPERATOR,
    detail: { said: { code: -32000, message: 'The workspace is suspended.' } },
  },
  'asked-for-input': {
    because: 'The server wanted to ask the user, and `mayAsk` of its document does not let it.',
    fix: 'Allow it there, if you want that.',
  },
  'certificate-refused': {
    because: 'The server refused the client certificate of its credential provider.',
    fix: 'Renew `clientCertificate`; its log says why.',
  },
  'server-untrusted': {
    because: "The server's TLS certificate is expired, of another name, or of an authority that is not known here.",
    fix: 'Mend it there; a private authority goes into `SALLYPORT_CA_FILES`.',
  },
  'credential-rejected': {
    because: "The server answered 401 to a credential that is not the user's to renew.",
    fix: 'See the secret of its credential provider.',
  },
  'credential-unavailable': {
    because: 'Its authorization server does not answer, or the control plane is busy or away.',
    fix: 'Wait: it is asked again by itself. `GET /v1/credential-providers` and the account page say since when.',
    detail: { retryAfterSeconds: 30 },
  },
  'scopes-missing': {
    because: 'The server wants more scopes than `maxScopes` allows, or asked for them in vain.',
    fix: 'Raise `maxScopes` of its credential provider, and connect again.',
  },
  protocol: { because: 'The server answered against the protocol.', fix: OPERATOR },
  'needs-tasks': {
    because: 'The server does this only as a task, and the agent does not follow tasks.',
    fix: 'Use an agent that does.',
  },
  'no-input': { because: 'The server asked the user, and the agent gave no answer.', fix: 'Call again, and answer.' },
  'parked-call-lost': {
    because: 'The call waited for the user too long, or at a gateway that was stopped.',
    fix: 'Call again, unless it may have run.',
  },
};

/** An entry for each reason why a server is unavailable. */
export const unavailableTroubles = (): readonly Trouble[] =>
  Object.entries(UNAVAILABLE).map(([reason, { detail, ...explained }]) =>
    troubleOf({
      ...explained,
      sample: { type: 'server-unavailable', title: 'Tracker', reason: reason as Unavailable['reason'], ...detail },
    }),
  );
