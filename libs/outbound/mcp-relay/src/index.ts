/**
 * Moves requests to a server and its answers back: one POST, headers by allow-list, no redirect, sizes and times
 * bounded, streams taken as fast as they are read. Speaks the eras' wire forms; decides nothing and holds no credential
 * beyond the one exchange. Its neighbours: `server` (names), `safe-fetch` (where may be called), the gateway.
 */
export { createRelay } from './create-relay.js';
export { reasonOf } from './relay-failure.js';
export type {
  AnswerRoom,
  HearAnswer,
  PostedRequest,
  Relay,
  RelayAnswer,
  RelayFailure,
  RelayOptions,
  RelayRequest,
  StreamPosition,
} from './relay.js';
export { createRequestSigner } from './create-request-signer.js';
export type { RequestSigning } from './create-request-signer.js';
export type { ClientCertificate, RequestCredential, RequestSigner, SignableRequest } from './request-credential.js';
export { createServerChannel } from './create-server-channel.js';
export type { ChannelTarget, ServerChannel } from './server-channel.js';
export { wholeMessage } from './large-message.js';
export { eraShownBy } from './server-era.js';
export type { ServerEra } from './server-era.js';
export { errorIn, inWordsOf, isJsonObject, isResponseTo, parseMessage, withValue } from './json-rpc.js';
export type { JsonObject, LargeText, RequestId, SaidError, ServerMessage } from './json-rpc.js';
export { MODERN_VERSION, modernRequest } from './modern-request.js';
export type { ModernRequest } from './modern-request.js';
export { formatEvent, readEvents } from './server-sent-events.js';
export type { ServerSentEvent } from './server-sent-events.js';
