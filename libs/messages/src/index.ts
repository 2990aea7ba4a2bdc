/**
 * Every subject and payload on the bus, versioned. The one place two processes agree in;
 * how bytes travel is `platform/messaging`, what configuration says is `decision/configuration`.
 */
export { gatewayAddress, streams, subjects } from './subjects.js';
export { CommandAnswer, SignedCommandWire } from './command.js';
export {
  CredentialChanged,
  HTTP_SIGNATURE_ALGORITHMS,
  LEASE_REFUSALS,
  LeaseAnswer,
  LeaseRequest,
  LeaseTokenRefused,
} from './lease.js';
export type { LeaseOutcome, LeaseRefusal, RequestSigning } from './lease.js';
export {
  EndedMcpSessionsPage,
  EndMcpSessions,
  EndMcpSessionsAnswer,
  ListEndedMcpSessions,
  MAX_ENDS,
  McpSessionsEnded,
} from './mcp-sessions.js';
export {
  SignInExchangeAnswer,
  SignInExchangeReply,
  SignInExchangeRequest,
  SignInExchangeWire,
} from './sign-in-exchange.js';
export type { SignInExchangeOutcome } from './sign-in-exchange.js';
export { ReplicaReply, ReplicaRequest } from './replica.js';
export { REPLICA_FAULTS, ReplicaReport, REPORT_INTERVAL_MS } from './replica-report.js';
export type { ReplicaFault } from './replica-report.js';
export { Asker, BusyAnswer, Traced, Waiting } from './waiting.js';
export { AuditRecord, CallRecord, LifecycleRecord, summedEvents } from './event.js';
export type { SeenProof } from './replica.js';
