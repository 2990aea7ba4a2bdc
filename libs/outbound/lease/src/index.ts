/**
 * Asks for a credential over the bus and answers, sealed on both sides (security rule S21): the gateway seals the
 * agent's token to the control plane, and only the gateway that asked can open the answer. Exchanges of sign-ins travel
 * the same way. Does no I/O: keys, clock and nonce memory are passed in.
 */
export { askForExchange } from './exchange/ask-for-exchange.js';
export type { RequestedExchange } from './exchange/ask-for-exchange.js';
export { openExchangeRequest } from './exchange/open-exchange-request.js';
export { sealExchangeAnswer } from './exchange/seal-exchange-answer.js';
export { openLeaseAnswer } from './open-lease-answer.js';
export { openLeaseRequest } from './open-lease-request.js';
export type { LeaseResponderKeys, OpenedLeaseRequest } from './open-lease-request.js';
export { sealLeaseAnswer, sealTokenRefusal } from './seal-lease-answer.js';
export type { LeaseAnswerWire } from './seal-lease-answer.js';
export { sealLeaseRequest } from './seal-lease-request.js';
export type { LeaseRequester, RequestedLease } from './seal-lease-request.js';
export { MemorySeenNonces } from './seen-nonces.js';
