import { describe, expect, test } from 'vitest';
import { network, type ServedAnswer } from '../testing/served-web.js';
import { applicationTypeOf, registerClient } from './register-client.js';

const metadata = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  registration_endpoint: 'https://as.example/register',
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic'],
};
const ours = {
  redirectUri: 'https://cp.example/connect/callback',
  clientName: 'Sallyport',
  clientUri: 'https://cp.example',
  scopes: ['read', 'write'],
};

const ask = (json: unknown, { status = 201, changes = {} }: { status?: number; changes?: object } = {}) =>
  answered({ json, status }, changes);
const answered = (answer: ServedAnswer | readonly ServedAnswer[], changes: object = {}) => {
  const net = network({ 'https://as.example/register': answer });
  return { ...net, result: registerClient({ ...metadata, ...changes }, ours, net.fetch) };
};

describe('registration', () => {
  test('is that of a web application for one redirect URI, kept by its issuer', async () => {
    const { result, requests } = ask({ client_id: 'c', client_secret: 's', client_secret_expires_at: 100 });
    expect(await result).toMatchObject({
      type: 'registered',
      registration: {
        issuer: 'https://as.example',
        clientId: 'c',
        authentication: 'client_secret_basic',
        expiresAt: 100_000,
      },
    });
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      application_type: 'web',
      redirect_uris: ['https://cp.example/connect/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    });
  });
  test('says what will be asked for, and nothing where nothing will (RFC 7591 section 2)', async () => {
    const { result, requests } = ask({ client_id: 'c', client_secret: 's' });
    expect([await result, JSON.parse(requests[0]?.body ?? '')]).toMatchObject([
      { registration: { scopes: ['read', 'write'] } },
      { scope: 'read write' },
    ]);
    const none = network({ 'https://as.example/register': { json: { client_id: 'c', client_secret: 's' } } });
    expect(await registerClient(metadata, { ...ours, scopes: [] }, none.fetch)).toMatchObject({
      registration: { scopes: [] },
    });
    expect(JSON.parse(none.requests[0]?.body ?? '')).not.toHaveProperty('scope');
  });
  test('shows its secret in the body where that is taken (OAuth 2.1 section 2.4.1), else as basic credentials (B21)', async () => {
    const authentication = async (offered: readonly string[] | undefined, named = {}) => {
      const { result, requests } = ask(
        { client_id: 'c', client_secret: 's', ...named },
        { changes: { token_endpoint_auth_methods_supported: offered } },
      );
      const registered = await result;
      return [JSON.parse(requests[0]?.body ?? ''), registered] as const;
    };
    const both = ['client_secret_basic', 'client_secret_post'];
    expect(await authentication(both)).toMatchObject([
      { token_endpoint_auth_method: 'client_secret_post' },
      { registration: { authentication: 'client_secret_post' } },
    ]);
    expect(await authentication(both, { token_endpoint_auth_method: 'client_secret_basic' })).toMatchObject([
      {},
      { registration: { authentication: 'client_secret_basic' } },
    ]);
    for (const offered of [['client_secret_basic'], undefined])
      expect(await authentication(offered)).toMatchObject([
        { token_endpoint_auth_method: 'client_secret_basic' },
        { registration: { authentication: 'client_secret_basic' } },
      ]);
  });
  test.each([400, 422])('is tried once more without scopes where they are refused with %i', async (status) => {
    const { result, requests } = answered([
      { status, json: { error: 'invalid_client_metadata' } },
      { status: 201, json: { client_id: 'c', client_secret: 's' } },
    ]);
    expect(await result).toMatchObject({ type: 'registered', registration: { scopes: null } });
    expect(requests.map(({ body }) => (JSON.parse(body) as { scope?: string }).scope)).toEqual([
      'read write',
      undefined,
    ]);
  });
  test('is not tried again for ever, nor after another refusal', async () => {
    const refused = answered({ status: 400, json: { error: 'invalid_redirect_uri' } });
    expect([await refused.result, refused.requests.length]).toMatchObject([{ type: 'failed' }, 2]);
    const forbidden = answered({ status: 403 });
    expect([await forbidden.result, forbidden.requests.length]).toMatchObject([{ type: 'failed' }, 1]);
  });
  test.each([
    ['http://127.0.0.1:7402/connect/callback', 'native'],
    ['http://localhost:7402/connect/callback', 'native'],
    ['http://[::1]:7402/connect/callback', 'native'],
    ['https://localhost/connect/callback', 'web'],
    ['https://cp.example/connect/callback', 'web'],
    ['http://cp.example/connect/callback', 'web'],
    ['http://127.example/connect/callback', 'web'],
  ])('of a callback at %s is that of a %s application', (redirectUri, type) =>
    expect(applicationTypeOf(redirectUri)).toBe(type),
  );

  test.each([
    ['null', { client_secret: null, client_secret_expires_at: null, token_endpoint_auth_method: null }],
    ['nothing', { client_secret: '', token_endpoint_auth_method: '' }],
    ['a public client', { client_secret: null, token_endpoint_auth_method: 'none' }],
  ])('whose answer says %s of a secret is one without', async (_what, said) => {
    for (const methods of [['client_secret_basic', 'none'], undefined]) {
      const { result } = ask(
        { client_id: 'c', ...said },
        { changes: { token_endpoint_auth_methods_supported: methods } },
      );
      expect(await result).toMatchObject({
        type: 'registered',
        registration: { clientId: 'c', clientSecret: null, authentication: 'none', expiresAt: null },
      });
    }
  });
  test('without the secret its method needs, or in an answer that cannot be read, names the field', async () => {
    expect(await ask({ client_id: 'c' }).result).toMatchObject({
      type: 'failed',
      reason: 'registration_malformed',
      detail: { field: 'client_secret' },
    });
    expect(
      await ask({ client_id: 'c', client_secret: 's', token_endpoint_auth_method: 'tls_client_auth' }).result,
    ).toMatchObject({ reason: 'registration_malformed', detail: { field: 'token_endpoint_auth_method' } });
    expect(await ask({ client_id: null }).result).toMatchObject({
      reason: 'registration_malformed',
      detail: { field: 'client_id' },
    });
  });
  test("that is refused is told in the authorization server's own words, without what looks like a secret", async () => {
    expect(
      await ask(
        {
          error: 'invalid_redirect_uri',
          error_description: 'Loopback needs application_type native. Ticket 0123456789abcdef0123.',
        },
        { status: 400 },
      ).result,
    ).toEqual({
      type: 'failed',
      reason: 'registration_refused',
      isTemporary: false,
      detail: {
        status: 400,
        error: 'invalid_redirect_uri',
        description: 'Loopback needs application_type native. Ticket […]',
      },
    });
    expect(await answered({ html: 'Forbidden', status: 403 }).result).toMatchObject({
      reason: 'registration_refused',
      detail: { status: 403 },
    });
    expect(await ask({}, { status: 503 }).result).toMatchObject({
      reason: 'registration_unavailable',
      isTemporary: true,
      detail: { status: 503 },
    });
  });
});
