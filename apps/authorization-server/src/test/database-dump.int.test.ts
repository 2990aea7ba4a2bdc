import { findSecrets } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

/** Every column of every row of every table, bytes in hexadecimal, as a dump would hold them. */
async function dump(): Promise<Record<string, string>> {
  const tables = await deployment.database.$queryRaw<
    { name: string }[]
  >`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'`;
  const contents = await Promise.all(
    tables.map(
      async ({ name }) =>
        [
          name,
          (
            await deployment.database.$queryRawUnsafe<{ row: string }[]>(
              `SELECT to_jsonb(t)::text AS row FROM "${name}" t`,
            )
          )
            .map(({ row }) => row)
            .join('\n'),
        ] as const,
    ),
  );
  return Object.fromEntries(contents);
}

test('a dump of the database holds no code, token, cookie, state, pushed request or client secret, in any dress (S8)', async () => {
  const secrets: Record<string, string> = {};
  const keep = (name: string, value: unknown) => {
    if (typeof value !== 'string' || value.length < 16) throw new Error(`${name} was not issued`);
    secrets[`${name} ${Object.keys(secrets).length}`] = value;
  };

  const agent = await TestAgent.register(deployment);
  const pushed = await fetch(`${deployment.issuer}/par`, {
    method: 'POST',
    body: new URLSearchParams([...agent.authorizationUrl({ scope: 'openid notes.read' }).searchParams]),
  });
  expect(pushed.status).toBe(201);
  const { request_uri: requestUri } = (await pushed.json()) as { request_uri: string };
  keep('request uri', requestUri);
  keep('request uri id', requestUri.split(':').at(-1));
  const start = new URL(`${deployment.issuer}/authorize`);
  start.search = new URLSearchParams({ client_id: agent.clientId, request_uri: requestUri }).toString();
  let page = await agent.browser.open(start, agent.redirectUri);
  for (let step = 0; step < 4 && page.status !== 0; step++) page = await agent.press(page, /^Continue with|^Allow$/);
  const code = page.url.searchParams.get('code');
  keep('code', code);
  const tokens = await agent.redeem(code);
  expect(tokens.status).toBe(200);
  const refreshed = await agent.refresh(tokens.body['refresh_token']);
  for (const answer of [tokens, refreshed])
    for (const name of ['access_token', 'refresh_token', 'id_token'])
      if (name !== 'id_token' || answer === tokens) keep(name, answer.body[name]);
  keep('access token signature', String(tokens.body['access_token']).split('.')[2]);
  keep('unredeemed code', (await agent.authorize()).get('code'));
  keep('code verifier', agent.verifier);
  await agent.open();
  for (const { name, value } of agent.browser.cookies) if (value.length >= 16) keep(`cookie ${name}`, value);
  for (const url of agent.browser.visited) {
    const { pathname, searchParams, origin } = new URL(url);
    if (pathname.startsWith('/interaction/')) keep('interaction', pathname.split('/')[2]);
    if (origin !== deployment.issuer)
      for (const name of ['state', 'nonce'])
        if (searchParams.has(name)) keep(`${name} at the identity provider`, searchParams.get(name));
    if (pathname.startsWith('/federation/'))
      for (const name of ['state', 'code'])
        if (searchParams.has(name)) keep(`${name} of the identity provider`, searchParams.get(name));
  }
  const confidential = await register(deployment, { token_endpoint_auth_method: 'client_secret_post' });
  expect(confidential.status).toBe(201);
  keep('client secret', confidential.body['client_secret']);
  keep('secret at the identity provider', deployment.provider.clientSecret);
  const kinds = [
    'request uri',
    'code',
    'access_token',
    'refresh_token',
    'id_token',
    'cookie',
    'interaction',
    'state at',
    'nonce at',
    'state of',
    'code of',
    'client secret',
  ];
  expect(kinds.filter((kind) => !Object.keys(secrets).some((name) => name.startsWith(kind)))).toEqual([]);

  const places = await dump();
  expect(Object.keys(places)).toEqual(
    expect.arrayContaining(['OidcArtifact', 'User', 'AgentSession', 'SigningKey', 'StoredSecret']),
  );
  expect(places['OidcArtifact']?.length).toBeGreaterThan(1_000);
  expect(findSecrets(places, secrets)).toEqual([]);

  // The search itself: what is stored as it is, as text or as bytes, it finds.
  const row = {
    kind: 'Planted',
    idDigest: String(code),
    payload: Uint8Array.from(Buffer.from(String(refreshed.body['refresh_token']))),
  };
  await deployment.database.oidcArtifact.create({ data: row });
  const found = findSecrets(await dump(), secrets).map(({ secret }) => secret.replace(/ \d+$/, ''));
  expect(new Set(found)).toEqual(new Set(['code', 'refresh_token']));
});
