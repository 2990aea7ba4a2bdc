/**
 * What Sallyport is shown with, and tested with: an identity provider, two MCP servers, the configuration that ties
 * them to the gateway, a browser made of forms, and the OAuth half of an agent. For development, on loopback only.
 * Imports nothing of the product but the kernel: it stands on the other side of every wire.
 */
export { DEMO_CLIENT_ID, startDemo } from './start-demo.js';
export type { Demo, DemoConfig } from './start-demo.js';
export { DEMO_CLIENT_SECRET_VARIABLE, defaultDemoUrls, demoConfiguration } from './demo-configuration.js';
export type { DemoConfigurationUrls } from './demo-configuration.js';
export { demoUsers } from './identity-provider/users.js';
export type { DemoUser } from './identity-provider/users.js';
export { notesAccounts } from './notes/accounts.js';
export type { NotesAccount } from './notes/accounts.js';
export { SeenClaims } from './whoami/verify-gateway-token.js';
export { FormBrowser } from './browser/form-browser.js';
export type { Button, Form, FormBrowserOptions, Landing, Page } from './browser/form-browser.js';
export { walkPages } from './browser/walk-pages.js';
export type { Visitor } from './browser/walk-pages.js';
export { AgentOAuth } from './agent/agent-oauth.js';
export type { AgentOAuthOptions } from './agent/agent-oauth.js';
export { DemoAgent } from './agent/demo-agent.js';
export type { DemoAgentOptions } from './agent/demo-agent.js';
