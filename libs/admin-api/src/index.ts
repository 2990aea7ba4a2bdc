/**
 * The administrators' API (`/v1`) as data: each route with its method, path, permission and schemas, and a client made
 * from it. The control plane serves these routes (`apps/control-plane/src/admin/serve.ts`); the demo and the end-to-end
 * tests call them. It stores nothing and decides nothing.
 */
export { Actor } from './actor.js';
export { createAdminClient } from './client.js';
export type { AdminClient, AdminClientOptions, CallOptions } from './client.js';
export {
  ChangeSetRequest,
  Live,
  MAX_CHANGE_SET_BYTES,
  SetName,
  StoredDocument,
  WrittenChangeSet,
} from './documents.js';
export { isPermitted, Permission, PERMISSIONS, permissionToWrite } from './permission.js';
export { AdminApiError, Problem } from './problem.js';
export { refusalOf } from './refusal-of-change.js';
export type { ChangeRefusal, DocumentChange, Writer } from './refusal-of-change.js';
export { RevocationRequest } from './revocations.js';
export type { AnswerOf, CallOf, RequestOf, Route, SuccessStatus } from './route.js';
export { routes } from './routes.js';
export { AdminApiUnreachable } from './unreachable.js';
export type { Answered, Asked, Called, RouteName } from './routes.js';
export { RotationRequest, WithdrawalRequest } from './signing-keys.js';
export { VaultRotation } from './vault.js';
export { VERIFY_CAUSES, VerifyCause, VerifyStep } from './verify.js';
