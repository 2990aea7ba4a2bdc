import type { ImitatedAgent } from './imitated-agent.js';

export const BOTH = ['authorization_code', 'refresh_token'];
export const LOOPBACKS = ['http://localhost/callback', 'http://127.0.0.1/callback'];

type Members = Readonly<Record<string, unknown>>;
export const publicClient = (clientName: string, redirectUris: readonly string[], more: Members = {}): Members => ({
  client_name: clientName,
  redirect_uris: redirectUris,
  grant_types: BOTH,
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  ...more,
});

/** What the TypeScript SDK does, and agents on it leave to it (client/auth.ts at 00cfaf3). */
export const onTypeScriptSdk = {
  resourceMetadata: ['challenge', 'path', 'root'],
  compares: 'as a prefix',
  serverMetadata: ['oauth', 'openid'],
  checksIssuer: false,
  authenticates: 'none',
  resource: { atAuthorize: true, atToken: true },
  revision: '2025-11-25',
  refresh: { withResource: true },
  forgotten: 'registers again',
  outcome: 'works',
} as const satisfies Partial<ImitatedAgent>;

/** What the Rust SDK does (rmcp, auth.rs at 00131f5). */
export const onRustSdk = {
  resourceMetadata: ['challenge', 'path', 'root'],
  compares: 'not at all',
  serverMetadata: ['oauth', 'openid'],
  checksIssuer: false,
  authenticates: 'none',
  resource: { atAuthorize: true, atToken: false },
  revision: '2025-06-18',
  refresh: {},
  outcome: 'works',
} as const satisfies Partial<ImitatedAgent>;
