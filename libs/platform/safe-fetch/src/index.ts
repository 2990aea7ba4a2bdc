/**
 * Calls URLs that somebody else named: metadata documents, authorization servers, servers. It calls https and public
 * addresses only, unless an administrator allowed the host. It connects to the very address that it checked, follows no
 * redirect, and bounds size and time. It uses the operator's proxy if there is one, and refuses the same before it asks
 * the proxy. Above HTTP and TLS it knows no protocol.
 */
export { createProxyAgent } from './create-proxy-agent.js';
export { createSafeFetch } from './create-safe-fetch.js';
export type { SafeFetch, SafeFetchOptions } from './create-safe-fetch.js';
export { createGuardedAgent, guardedConnect } from './guarded-connect.js';
export type { GuardOptions } from './guarded-connect.js';
export { createGuardedTls } from './guarded-tls.js';
export type { ConnectTls } from './guarded-tls.js';
export { allowEntryFor, isPublicAddress, refuseUrl } from './outbound-guard.js';
export type { AllowedHost, OutboundAllowance } from './outbound-guard.js';
export { announceProxy, outboundProxy, readNoProxy, readProxyUrl } from './outbound-proxy.js';
export type { OutboundProxy, ProxyServer } from './outbound-proxy.js';
export { proxyOf, proxyVariables } from './proxy-variables.js';
export type { ProxyEnvironment } from './proxy-variables.js';
export { tellingProxy } from './telling-proxy.js';
export { readCertificateAuthorities } from './read-certificate-authorities.js';
