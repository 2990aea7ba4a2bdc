/**
 * How a server is given a credential the agent never sees: provider kinds, leases sealed to one gateway (security rule
 * S21), the vault's record format, and the OAuth client toward servers. Does no I/O of its own: fetch, stores, sealer
 * and clock are passed in. Its neighbours are the gateway (asks for leases), the control plane (answers them, connects
 * accounts) and the refresh worker.
 */
export { sealLeaseRequest } from './lease/seal-lease-request.js';
export type { LeaseExpectation, LeaseRequester, LeaseRequestWire, LeaseWish } from './lease/seal-lease-request.js';
export { openLeaseRequest } from './lease/open-lease-request.js';
export type { LeaseRequestRefusal, LeaseResponderKeys, OpenedLeaseRequest, OpenLeaseRequestResult } from './lease/open-lease-request.js';
export { sealLeaseAnswer } from './lease/seal-lease-answer.js';
export type { LeaseAnswerSubject, LeaseAnswerWire } from './lease/seal-lease-answer.js';
export { openLeaseAnswer } from './lease/open-lease-answer.js';
export { MemorySeenNonces } from './lease/seen-nonces.js';
export type { SeenNonces } from './lease/seen-nonces.js';
