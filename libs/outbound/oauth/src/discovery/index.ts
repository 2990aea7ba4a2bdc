/**
 * Finds the authorization server of an MCP server (RFC 9728, RFC 8414) and how to sign in there.
 */
export { readScopeChallenge } from './bearer-challenge.js';
export { AuthorizationServerMetadata, discoverAuthorizationServer } from './discover-authorization-server.js';
export { discoverProtectedResource } from './discover-protected-resource.js';
export { discoverSignIn } from './discover-sign-in.js';
