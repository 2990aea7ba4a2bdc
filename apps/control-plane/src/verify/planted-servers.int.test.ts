import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { VerifyCause } from '@sallyport/admin-api';
import { PostgresProviderHealthStore } from '@sallyport/connection-store';
import {
  createTestAuthority,
  scriptMcp,
  startScriptedServer,
  type ScriptedAnswer,
  type ScriptedRequest,
  type ServerCertificate,
} from '@sallyport/testing/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConnectHealthStore } from '../credentials/connect/connect-health-store.js';
import { nothingListens, startVerifiedWorld, type VerifiedWorld } from '../test/verified-world.js';

let world: VerifiedWorld;
const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  await world?.close();
  for (const close of closers) await close();
});

type Script = (request: ScriptedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>;
async function scripted(script: Script): Promise<string> {
  const server = await startScriptedServer(script);
  closers.push(() => server.close());
  return server.url;
}
async function withCertificate(certificate: ServerCertificate): Promise<string> {
  const server = createServer(certificate, (_request, response) => void response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => void server.close());
  return `https://localhost:${(server.address() as AddressInfo).port}/mcp`;
}

const body = (value: object): ScriptedAnswer => ({ status: 200, body: JSON.stringify(value) });
const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const behaved = scriptMcp({ era: 'modern' }).script;

/** A server that asks for a token, and describes itself and its authorization server so. */
const described =
  (resource: (origin: string) => object | undefined, issuer?: (origin: string) => object): Script =>
  ({ path, headers }) => {
    const origin = `http://${headers.host}`;
    const [ofResource, ofIssuer] = [resource(origin), issuer?.(origin)];
    if (path.startsWith('/.well-known/oauth-protected-resource') && ofResource) return body(ofResource);
    if (path.startsWith('/.well-known/oauth-authorization-server') && ofIssuer) return body(ofIssuer);
    return { status: path === '/mcp' ? 401 : 404 };
  };
const metadataOf = (origin: string) => ({
  issuer: origin,
  authorization_endpoint: `${origin}/authorize`,
  token_endpoint: `${origin}/token`,
  code_challenge_methods_supported: ['S256'],
});
const resourceOf = (origin: string) => ({ resource: `${origin}/mcp`, authorization_servers: [origin] });

/** An identity provider, with what a test plants in it. */
const provider =
  (planted: {
    readonly metadata?: object;
    readonly keys?: object;
    readonly token?: ScriptedAnswer;
    readonly headers?: Record<string, string>;
  }): Script =>
  ({ path, headers }) => {
    const origin = `http://${headers.host}`;
    const keys = planted.keys ?? { keys: [{ kty: 'EC', kid: 'a' }] };
    const metadata = {
      issuer: origin,
      jwks_uri: `${origin}/keys`,
      token_endpoint: `${origin}/token`,
      ...planted.metadata,
    };
    const refusal = { status: 400, body: '{"error":"invalid_grant"}' };
    if (path === '/.well-known/openid-configuration')
      return { status: 200, body: JSON.stringify(metadata), headers: planted.headers ?? {} };
    if (path === '/keys') return body(keys);
    return path === '/token' ? (planted.token ?? refusal) : { status: 404 };
  };
const refusedClient = { status: 401, body: '{"error":"invalid_client","error_description":"The secret expired."}' };

type Planted = readonly [name: string, url: () => Promise<string>, cause: VerifyCause | undefined, type?: string];
const authority = createTestAuthority();
const stranger = createTestAuthority();
const SERVERS: readonly Planted[] = [
  ['well', () => scripted(behaved), undefined],
  ['old-era', () => scripted(scriptMcp({ era: 'sessionless' }).script), 'server_old_era'],
  ['no-such-name', async () => 'https://server.invalid/mcp', 'dns_failed'],
  ['down', async () => `${await nothingListens()}/mcp`, 'connection_refused'],
  ['blocked', async () => 'http://10.11.12.13:9000/mcp', 'outbound_blocked'],
  [
    'redirecting',
    () => scripted(() => ({ status: 307, headers: { location: 'https://other.example/mcp' } })),
    'redirects',
  ],
  ['failing', () => scripted(() => ({ status: 503 })), 'server_error'],
  ['slow', () => scripted((request) => later(2_100).then(() => behaved(request))), 'answers_slowly'],
  ['hanging', () => scripted(() => 'hang'), 'timed_out'],
  ['breaking', () => scripted(() => 'close'), 'connection_broken'],
  ['huge', () => scripted(() => ({ status: 200, body: 'x'.repeat(1_100_000) })), 'answer_unreadable'],
  [
    'expired',
    async () => withCertificate(await (await authority).issue({ dns: ['localhost'] }, { from: -9, until: -1 })),
    'tls_expired',
  ],
  [
    'strange',
    async () => withCertificate(await (await stranger).issue({ dns: ['localhost'] })),
    'tls_unknown_authority',
  ],
  [
    'misnamed',
    async () => withCertificate(await (await authority).issue({ dns: ['other.example'] })),
    'tls_wrong_host',
  ],
  ['plain', async () => (await scripted(behaved)).replace('http:', 'https:'), 'tls_not_spoken'],
  [
    'web-page',
    () => scripted(() => ({ status: 200, body: '<h1>Welcome</h1>', headers: { 'content-type': 'text/html' } })),
    'server_not_mcp',
  ],
  ['closed', () => scripted(() => ({ status: 401 })), 'server_needs_credential'],
  ['silent-about-sign-in', () => scripted(described(() => undefined)), 'server_without_metadata', 'mcp-user-oauth'],
  ['told-sign-in', () => scripted(described(resourceOf, metadataOf)), undefined, 'mcp-user-oauth'],
  [
    'other-issuer',
    () => scripted(described(resourceOf, (origin) => ({ ...metadataOf(origin), issuer: 'https://other.example' }))),
    'server_issuer_mismatch',
    'mcp-user-oauth',
  ],
  [
    'other-resource',
    () => scripted(described(() => ({ resource: 'https://other.example/mcp' }), metadataOf)),
    'server_resource_mismatch',
    'mcp-user-oauth',
  ],
  [
    'no-pkce',
    () =>
      scripted(
        described(resourceOf, (origin) => ({ ...metadataOf(origin), code_challenge_methods_supported: ['plain'] })),
      ),
    'server_without_pkce',
    'mcp-user-oauth',
  ],
  [
    'odd-metadata',
    () => scripted(described(resourceOf, (origin) => ({ ...metadataOf(origin), token_endpoint: 7 }))),
    'server_metadata_malformed',
    'mcp-user-oauth',
  ],
];
const TRUST_PROVIDERS: readonly Planted[] = [
  ['idp-well', () => scripted(provider({})), undefined],
  ['idp-other-issuer', () => scripted(provider({ metadata: { issuer: 'https://other.example' } })), 'issuer_mismatch'],
  ['idp-no-keys', () => scripted(provider({ keys: { keys: [] } })), 'keys_empty'],
  ['idp-expired-secret', () => scripted(provider({ token: refusedClient })), 'client_refused'],
  ['idp-token-away', () => scripted(provider({ token: { status: 502 } })), 'server_error'],
  ['idp-no-metadata', () => scripted(() => ({ status: 404 })), 'metadata_missing'],
  [
    'idp-clock',
    () => scripted(provider({ headers: { date: new Date(Date.now() - 600_000).toUTCString() } })),
    'clock_differs_from_provider',
  ],
];

const serverDocuments = (name: string, url: string, type = 'none') => `
kind: McpServer
name: ${name}
spec: { url: '${url}' }
---
kind: CredentialProvider
name: ${name}-credentials
spec: { type: ${type}, server: ${name} }
---
kind: AccessPolicy
name: ${name}-policy
spec: { hop: gateway-to-server, server: ${name}, credentialProvider: ${name}-credentials, tools: [{ match: ['*'] }] }
---`;
const trustProviderDocument = (name: string, url: string) => `
kind: TrustProvider
name: ${name}
spec: { issuer: '${new URL(url).origin}', clientId: sallyport, clientSecret: { env: IDP_SECRET } }
---`;
const OTHERS = `
kind: McpServer
name: unreachable-by-policy
spec: { url: https://server.invalid/mcp }
---
kind: McpServer
name: offered-nothing
spec: { url: https://server.invalid/mcp }
---
kind: CredentialProvider
name: shared
spec:
  { type: oauth-shared, server: offered-nothing, preset: github, client: { authentication: client_secret_post, clientId: a, clientSecret: { env: IDP_SECRET } } }
---
kind: AccessPolicy
name: offers-nothing
spec: { hop: gateway-to-server, server: offered-nothing, credentialProvider: shared }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, http: true }, { host: localhost }] }
`;

let steps: Awaited<ReturnType<VerifiedWorld['verify']>>;
beforeAll(async () => {
  const documents = [
    ...(await Promise.all(SERVERS.map(async ([name, url, , type]) => serverDocuments(name, await url(), type)))),
    ...(await Promise.all(TRUST_PROVIDERS.map(async ([name, url]) => trustProviderDocument(name, await url())))),
    OTHERS,
  ];
  const extraCertificateAuthorities = [(await authority).certificate];
  world = await startVerifiedWorld(documents.join(''), { IDP_SECRET: 'hunter2' }, { extraCertificateAuthorities });
  await plantFailures();
  steps = await world.verify();
});

/** What refreshes and users met before. */
async function plantFailures(): Promise<void> {
  const health = new PostgresProviderHealthStore(world.database);
  const failedAt = Date.now();
  const fails = async (name: string, change: object) => {
    const key = { credentialProvider: `${name}-credentials`, issuer: 'https://as.example' };
    const { version } = await health.read(key);
    await health.write(key, version, {
      ...{ reason: 'unavailable', error: null, description: 'Back at noon.', failures: 5, failedAt },
      ...{ pausedSince: null, failedProbes: 0, nextProbeAt: null, probingUntil: null },
      ...change,
    });
  };
  await fails('well', { pausedSince: failedAt, nextProbeAt: failedAt + 60_000 });
  await fails('old-era', {});
  await fails('told-sign-in', { reason: 'client_refused', error: 'invalid_client', pausedSince: failedAt });
  const detail = { said: 'No such client.' };
  await new ConnectHealthStore(world.database).failed('other-issuer-credentials', {
    reason: 'issuer_mismatch',
    detail,
  });
}

const causesOf = (subject: string, step: string) =>
  steps.filter((one) => one.subject === subject && one.step === step).map(({ cause }) => cause);

describe('servers (R72)', () => {
  test.each(SERVERS.map(([name, , cause]) => [name, cause] as const))('%s: %s', (name, cause) => {
    expect(causesOf(`McpServer/${name}`, 'server')).toEqual(cause === undefined ? [] : [cause]);
  });
  test('the line that would allow a blocked host is told', () => {
    const [step] = steps.filter(({ cause }) => cause === 'outbound_blocked');
    expect(step?.detail).toContain('{ host: 10.11.12.13, ports: [9000], http: true }');
  });
});

describe('identity providers (R72)', () => {
  test.each(TRUST_PROVIDERS.map(([name, , cause]) => [name, cause] as const))('%s: %s', (name, cause) => {
    expect(causesOf(`TrustProvider/${name}`, 'trust-provider')).toEqual(cause === undefined ? [] : [cause]);
  });
  test('its own words are told, and never our secret (S30)', () => {
    expect(steps.find(({ cause }) => cause === 'client_refused')?.detail).toContain('The secret expired.');
    expect(JSON.stringify(steps)).not.toContain('hunter2');
  });
});

describe('credential providers and the way of a call (R72)', () => {
  test.each([
    ['CredentialProvider/well-credentials', 'provider_paused'],
    ['CredentialProvider/old-era-credentials', 'provider_failing'],
    ['CredentialProvider/told-sign-in-credentials', 'client_refused'],
    ['CredentialProvider/other-issuer-credentials', 'connecting_fails'],
    ['CredentialProvider/shared', 'shared_account_missing'],
  ])('%s: %s', (subject, cause) => {
    expect(causesOf(subject, 'credential-provider')).toEqual([cause]);
  });
  test.each([
    ['McpServer/unreachable-by-policy', 'no_policy_for_server'],
    ['McpServer/offered-nothing', 'policy_offers_nothing'],
    ['client-to-gateway', 'no_policy_for_agents'],
  ])('%s: %s', (subject, cause) => {
    expect(causesOf(subject, 'call-path')).toEqual([cause]);
  });
});

test('every step that does not pass says whose move it is (R72)', () => {
  expect(steps.length).toBeGreaterThan(30);
  for (const { cause, fix } of steps) expect(fix?.length, `${cause}`).toBeGreaterThan(10);
});

test('however much does not answer, the answer comes within 30 s (R72)', async () => {
  const { tookMs } = await world.client.verify({ query: {} });
  expect(tookMs).toBeLessThan(30_000);
});
