/**
 * Registers our client with a provider (RFC 7591) and notices when the provider has forgotten it.
 */
export { isForgotten } from './is-forgotten.js';
export { applicationTypeOf, preferredAuthentication, registerClient } from './register-client.js';
export type { ClientRegistration } from './register-client.js';
