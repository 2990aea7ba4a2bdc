/**
 * The authorization server: agents register and get tokens here, people sign in at their own identity provider and
 * consent. The OAuth engine (oidc-provider) lives in `engine/` and nowhere else; decisions are `inbound/authorization`
 * and `decision/policy`. Writes users, agent sessions, consents and signing keys; issues nothing a policy denies.
 */
export { startAuthorizationServer } from './start-authorization-server.js';
export type { AuthorizationServerAdapters } from './start-authorization-server.js';
export { CONTROL_PLANE_CLIENT_ID } from './engine/client-metadata.js';
export type { AuthorizationServerConfig } from './config.js';
