/** The other side in tests: MCP servers, authorization servers, clouds and proxies that answer as a test says. */
export { createTestAuthority, startHttpsServer } from '../test-authority.js';
export type { ServerCertificate, TestAuthority, TestHttpsServer } from '../test-authority.js';
export { startTestOAuthServer } from '../oauth-server.js';
export type { TestOAuthServer } from '../oauth-server.js';
export { awsRefusal, isSignedBy, verifyHttpSignature } from '../verify-request.js';
export type { ArrivedRequest } from '../verify-request.js';
export { awsFailure, startTestCloud } from '../test-cloud.js';
export type { TestCloud } from '../test-cloud.js';
export { startConnectProxy } from '../connect-proxy.js';
export type { ConnectProxy, ProxyAnswer } from '../connect-proxy.js';
export { scriptMcp, startScriptedServer } from '../scripted-server.js';
export type { McpScript, ScriptedAnswer, ScriptedRequest, ScriptedServer } from '../scripted-server.js';
