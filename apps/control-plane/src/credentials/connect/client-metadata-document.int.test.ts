import { join } from 'node:path';
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose';
import { createClientLookup } from '@sallyport/connection-store';
import { exchangeCode } from '@sallyport/oauth';
import type { AuthorizationServerMetadata } from '@sallyport/oauth/discovery';
import type { ConfiguredTarget } from '@sallyport/connection';
import { connectDatabase, type Database } from '@sallyport/database';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startProviderServer, type ProviderServer } from '../../test/provider-server.js';
import { ClientMetadataDocument } from './client-metadata-document.js';
import { OAuthClientRegistry } from './oauth-client-registry.js';

const PUBLIC_URL = 'https://control.example';
const CLIENT_ID = `${PUBLIC_URL}/oauth/client-metadata.json`;
const scratch = makeScratch('client-metadata');
let sealer: Sealer;
let postgres: TestPostgres;
let database: Database;
let provider: ProviderServer;
beforeAll(async () => {
  [postgres, provider] = await Promise.all([startTestPostgres(), startProviderServer()]);
  database = connectDatabase(postgres.url);
  sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] })).master));
});
afterAll(async () => {
  await database.$disconnect();
  await Promise.all([postgres.stop(), provider.stop()]);
  removeScratch(scratch);
});
beforeEach(async () => {
  provider.requests.length = 0;
  provider.answer = ({ path }) =>
    path === '/register'
      ? { status: 201, json: { client_id: 'registered' } }
      : { json: { access_token: 'a1', token_type: 'Bearer' } };
  await database.downstreamRegistration.deleteMany();
});

const fetch = createSafeFetch({
  userAgent: 'test',
  allow: [{ host: '127.0.0.1', http: true }],
  extraCertificateAuthorities: [],
});
const replica = (publicUrl = PUBLIC_URL) => {
  const redirectUri = `${publicUrl}/connect/callback`;
  const document = new ClientMetadataDocument({ database, sealer, publicUrl, redirectUri });
  return {
    document,
    registry: new OAuthClientRegistry({ database, sealer, fetch, clock: Date.now, redirectUri, publicUrl, document }),
  };
};
const server = (changes: Partial<AuthorizationServerMetadata> = {}): AuthorizationServerMetadata => ({
  issuer: provider.origin,
  authorization_endpoint: `${provider.origin}/authorize`,
  token_endpoint: `${provider.origin}/token`,
  registration_endpoint: `${provider.origin}/register`,
  token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'],
  client_id_metadata_document_supported: true,
  ...changes,
});
const target = (spec: object = {}): ConfiguredTarget => ({
  server: { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp', timeout: '60s' } },
  provider: {
    kind: 'CredentialProvider',
    name: 'notes-user',
    spec: { type: 'mcp-user-oauth', server: 'notes', ...spec },
  },
});
const clientAt = async (
  metadata: AuthorizationServerMetadata,
  { spec, publicUrl }: { spec?: object; publicUrl?: string } = {},
) => {
  const found = await replica(publicUrl).registry.clientFor(target(spec), metadata, []);
  return found.type === 'client' ? found.client : found.reason;
};

describe('our client metadata document', () => {
  test('says who we are, with the public part of one key that all replicas share', async () => {
    const [first, second] = await Promise.all([replica().document.read(), replica().document.read()]);
    expect(second).toEqual(first);
    expect(first).toMatchObject({
      client_id: CLIENT_ID,
      client_uri: PUBLIC_URL,
      redirect_uris: [`${PUBLIC_URL}/connect/callback`],
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['authorization_code', 'refresh_token'],
    });
    expect(first.jwks.keys.map((key) => Object.keys(key).toSorted())).toEqual([
      ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'],
    ]);
  });

  test('is our client id where it is taken: nothing is registered, and its key proves that we are it (RFC 7523)', async () => {
    const client = await clientAt(server());
    if (typeof client === 'string') throw new Error(client);
    expect([client.clientId, client.issuer, client.clientSecret]).toEqual([CLIENT_ID, provider.origin, null]);
    await exchangeCode(
      {
        tokenEndpoint: `${provider.origin}/token`,
        client,
        code: 'c',
        codeVerifier: 'v',
        redirectUri: `${PUBLIC_URL}/connect/callback`,
        resource: 'https://notes.example/mcp',
        now: Date.now(),
      },
      fetch,
    );
    expect(provider.requests.map(({ path }) => path)).toEqual(['/token']);
    const {
      client_id: clientId,
      client_assertion: assertion = '',
      client_assertion_type: type,
    } = provider.requests[0]?.fields ?? {};
    expect([clientId, type]).toEqual([CLIENT_ID, 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer']);
    const { jwks } = await replica().document.read();
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(jwks as JSONWebKeySet), {
      issuer: CLIENT_ID,
      subject: CLIENT_ID,
      audience: provider.origin,
      algorithms: ['ES256'],
    });
    expect(typeof payload.jti).toBe('string');
  });

  test('is found again by whoever refreshes, and never for a client id that is not ours', async () => {
    const client = await clientAt(server());
    const clientFor = createClientLookup({ database, vault: sealer, snapshot: () => ({ get: () => undefined }) });
    const connection = { credentialProvider: 'notes-user', issuer: provider.origin, clientId: CLIENT_ID };
    expect(await clientFor(connection, 'private_key_jwt')).toEqual(client);
    expect(
      await clientFor(
        { ...connection, clientId: 'https://evil.example/oauth/client-metadata.json' },
        'private_key_jwt',
      ),
    ).toBeUndefined();
    expect(await clientFor(connection, 'none')).toBe('not_registered');
  });

  test.each<[string, Partial<AuthorizationServerMetadata>, string?]>([
    ['does not take such documents', { client_id_metadata_document_supported: false }],
    ['does not say', { client_id_metadata_document_supported: undefined }],
    ['takes no keys', { token_endpoint_auth_methods_supported: ['none'] }],
    ['could not read it at an address without TLS', {}, 'http://127.0.0.1:7402'],
  ])('gives way to a registration where an authorization server %s', async (_why, changes, publicUrl) => {
    expect(await clientAt(server(changes), publicUrl === undefined ? {} : { publicUrl })).toMatchObject({
      clientId: 'registered',
    });
  });
  test('is left aside, or insisted on, where the provider says so', async () => {
    expect(await clientAt(server(), { spec: { registration: 'dynamic' } })).toMatchObject({ clientId: 'registered' });
    expect(await clientAt(server(), { spec: { registration: 'client-metadata-document' } })).toMatchObject({
      clientId: CLIENT_ID,
    });
    expect(
      await clientAt(server({ client_id_metadata_document_supported: false }), {
        spec: { registration: 'client-metadata-document' },
      }),
    ).toBe('client_metadata_document_not_taken');
  });
  test('does not replace a client that was registered by hand', async () => {
    expect(
      await clientAt(server(), { spec: { client: { issuer: provider.origin, clientId: 'by-hand' } } }),
    ).toMatchObject({ clientId: 'by-hand' });
  });
});

describe('a registration that users are sent on for more scopes with', () => {
  const dynamic = { client_id_metadata_document_supported: false };
  const clientFor = async (scopes: readonly string[]) => {
    const found = await replica().registry.clientFor(target(), server(dynamic), scopes);
    return found.type === 'client' ? found.client.clientId : found.reason;
  };
  test('is one that says them; of several replicas that register at once none takes back what another one uses', async () => {
    let registered = 0;
    provider.answer = () => ({ status: 201, json: { client_id: `client-${++registered}` } });
    const clients = await Promise.all(['a', 'b', 'c', 'a'].map((scope) => clientFor([scope])));
    const lookUp = createClientLookup({ database, vault: sealer, snapshot: () => ({ get: () => undefined }) });
    for (const clientId of clients)
      expect(
        await lookUp({ credentialProvider: 'notes-user', issuer: provider.origin, clientId }, 'none'),
      ).toMatchObject({ clientId });
    const asked = provider.requests.length;
    const again = await clientFor(['a', 'b', 'c']);
    expect(await clientFor(['b'])).toBe(again);
    expect(provider.requests.length - asked).toBeLessThanOrEqual(1);
  });
});
