import type { Draft, FuzzFacts } from './fuzz-request.js';
import type { Random } from './random.js';

type Template = (facts: FuzzFacts, random: Random) => Draft;

const form = (path: string, parameters: Record<string, unknown>, headers: Draft['headers'] = []): Draft => ({
  method: 'POST',
  path,
  encoding: 'form',
  parameters: Object.entries(parameters),
  headers,
});
const basic = ({ confidentialClient: { id, secret } }: FuzzFacts): [string, string] => [
  'authorization',
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
];
const authorization = (facts: FuzzFacts) => ({
  client_id: facts.publicClientId,
  redirect_uri: facts.redirectUri,
  response_type: 'code',
  state: 'state-of-the-agent',
  scope: 'notes.read',
  resource: facts.resource,
  code_challenge: facts.codeChallenge,
  code_challenge_method: 'S256',
});
const registration = (facts: FuzzFacts) => ({
  client_name: 'Fuzz',
  redirect_uris: [facts.redirectUri],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  scope: 'notes.read',
  client_uri: 'https://agent.example/',
});
const inBrowser = ({ waiting, issuer }: FuzzFacts): Draft['headers'] => [
  ['cookie', waiting.cookie],
  ['origin', issuer],
  ['accept', 'text/html'],
];
const get = (path: string, parameters: Record<string, unknown> = {}, headers: Draft['headers'] = []): Draft => ({
  method: 'GET',
  path,
  encoding: 'query',
  parameters: Object.entries(parameters),
  headers,
});
const token = (facts: FuzzFacts, random: Random) =>
  random.pick([facts.refreshToken, facts.accessToken, facts.code, 'no-token-at-all']);

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type';
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** One part of a JWT left out or replaced: a header or claims nobody meant, under a signature that no longer fits. */
function altered(jwt: string, random: Random): string {
  const parts = jwt.split('.');
  parts[random.below(parts.length)] = random.pick([
    '',
    '.',
    'A'.repeat(20_000),
    encoded({ alg: 'none', typ: 'oauth-id-jag+jwt' }),
    encoded({ alg: 'ES256', crit: ['x'], b64: false }),
    encoded([]),
    encoded({ iss: 7, exp: 1e300, aud: {} }),
    encoded({ iss: 'https://company.invalid', sub: { a: [] }, exp: '1' }),
  ]);
  return parts.join('.');
}

/**
 * Per endpoint and page, requests it accepts (or would, with an unused code or a finished sign-in): authorize and token
 * get the larger part.
 */
const templates: readonly [Template, ...Template[]] = [
  (facts) => ({
    method: 'GET',
    path: '/authorize',
    encoding: 'query',
    parameters: Object.entries(authorization(facts)),
    headers: [['accept', 'text/html']],
  }),
  (facts) => ({
    method: 'GET',
    path: '/authorize',
    encoding: 'query',
    parameters: Object.entries({ ...authorization(facts), client_id: facts.confidentialClient.id, prompt: 'none' }),
    headers: [['accept', 'text/html']],
  }),
  (facts) => form('/authorize', authorization(facts), [['origin', facts.issuer]]),
  (facts) =>
    form('/token', {
      grant_type: 'authorization_code',
      client_id: facts.publicClientId,
      code: facts.code,
      redirect_uri: facts.redirectUri,
      code_verifier: facts.codeVerifier,
      resource: facts.resource,
    }),
  (facts) =>
    form('/token', {
      grant_type: 'refresh_token',
      client_id: facts.publicClientId,
      refresh_token: facts.refreshToken,
      resource: facts.resource,
      scope: 'notes.read',
    }),
  (facts) =>
    form('/token', { grant_type: 'client_credentials', resource: facts.resource, scope: 'notes.read' }, [basic(facts)]),
  (facts, random) =>
    form('/token', {
      grant_type: JWT_BEARER,
      client_id: random.pick([facts.assistant.id, facts.publicClientId, facts.workload.id]),
      client_secret: facts.assistant.secret,
      assertion: random.pick([
        facts.identityAssertion,
        altered(facts.identityAssertion, random),
        facts.accessToken,
        facts.workload.token,
      ]),
      resource: facts.resource,
      scope: 'notes.read',
    }),
  (facts, random) =>
    form(random.pick(['/token', '/introspect', '/revoke', '/par']), {
      grant_type: 'client_credentials',
      client_id: facts.workload.id,
      client_assertion_type: `${CLIENT_ASSERTION}:jwt-bearer`,
      client_assertion: random.pick([
        facts.workload.token,
        altered(facts.workload.token, random),
        facts.identityAssertion,
      ]),
      resource: facts.resource,
      token: token(facts, random),
    }),
  (facts) =>
    form('/token', {
      grant_type: 'client_credentials',
      client_id: facts.confidentialClient.id,
      client_assertion_type: `${CLIENT_ASSERTION}:jwt-bearer`,
      client_assertion: facts.accessToken,
      resource: facts.resource,
    }),
  (facts) => ({
    method: 'POST',
    path: '/register',
    encoding: 'json',
    parameters: Object.entries(registration(facts)),
    headers: [],
  }),
  (facts, random) =>
    form(
      '/token',
      {
        grant_type: 'refresh_token',
        client_id: facts.publicClientId,
        refresh_token: facts.refreshToken,
        resource: facts.resource,
      },
      [['dpop', random.pick(facts.dpopProofs)]],
    ),
  (facts, random) =>
    form('/par', { ...authorization(facts), dpop_jkt: facts.dpopThumbprint }, [
      ['dpop', random.pick(facts.dpopProofs)],
    ]),
  (facts) => form('/par', authorization(facts)),
  (facts) => form('/par', { ...authorization(facts), client_id: facts.confidentialClient.id }, [basic(facts)]),
  (facts, random) =>
    form('/revoke', {
      client_id: facts.publicClientId,
      token: random.oneIn(20) ? token(facts, random) : 'no-token-at-all',
      token_type_hint: 'refresh_token',
    }),
  (facts) => get(facts.waiting.path, {}, inBrowser(facts)),
  (facts) => get(`${facts.waiting.path}/signed-in`, {}, inBrowser(facts)),
  (facts) =>
    form(`${facts.waiting.path}/sign-in`, { form_token: facts.waiting.formToken, provider: 'demo' }, inBrowser(facts)),
  (facts) =>
    form(`${facts.waiting.path}/consent`, { form_token: facts.waiting.formToken, decision: 'allow' }, inBrowser(facts)),
  (facts) => form('/interaction/unknown/deny', { form_token: facts.waiting.formToken }, inBrowser(facts)),
  (facts) =>
    get(
      '/federation/demo/callback',
      { code: facts.code, state: 'x'.repeat(43), iss: facts.identityProvider },
      inBrowser(facts),
    ),
  (facts) => form('/federation/demo/backchannel-logout', { logout_token: facts.accessToken }),
  (facts) => get('/session/end', {}, inBrowser(facts)),
  (facts) => form('/session/end', { form_token: facts.waiting.formToken }, inBrowser(facts)),
  (_facts, random) =>
    get(random.pick(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/jwks'])),
  (facts, random) =>
    form('/introspect', { token: token(facts, random), token_type_hint: 'access_token' }, [basic(facts)]),
];

export const validRequest = (facts: FuzzFacts, random: Random): Draft => random.pick(templates)(facts, random);
