/**
 * What every listener needs: Fastify with limits, the host guard, security headers and problem documents; with Nest on
 * it at `@sallyport/http/nest`. This library owns no route of the product. Every app creates its listener here and
 * passes in the logger and metrics of `@sallyport/telemetry`; the health server of `@sallyport/process` is one more
 * listener.
 */
export { createListener } from './create-listener.js';
export type { AppListener, ListenerOptions } from './create-listener.js';
export { addressOwner } from './address-owner.js';
export { BadRequest, parseRequest, pointerOf } from './bad-request.js';
export type { FieldProblem, RequestPart } from './bad-request.js';
export { bodyWords } from './body-refused.js';
export { DEFAULT_BODY_BYTES } from './bound-bodies.js';
export type { BodyRules } from './bound-bodies.js';
export { BytesInFlight } from './bytes-in-flight.js';
export type { HeldBytes } from './bytes-in-flight.js';
export { drainRequest } from './drain-request.js';
export { FairTurns } from './fair-turns.js';
export { arrivalOf, createLimitedServer } from './limited-server.js';
export type { RequestOrder } from './limited-server.js';
export { DEFAULT_LIMITS, requestTimeoutFor } from './listener-limits.js';
export type { ListenerLimits } from './listener-limits.js';
export { closeListener, listen, translateListenError } from './listen.js';
export { ListenerCertificate } from './listener-certificate.js';
export type { CertificateFiles } from './listener-certificate.js';
export { ListenerWatch } from './listener-watch.js';
export { readBody } from './read-body.js';
export type { BodyRefusal } from './read-body.js';
export type { GuardedArrival } from './shortcut.js';
export { Unavailable } from './unavailable.js';
export { answerProblems, toProblem } from './problem.js';
export type { ProblemAnswers } from './problem.js';
export { problem, problemType } from './problem-body.js';
export type { Problem } from './problem-body.js';
export { RequestRefused } from './request-refused.js';
