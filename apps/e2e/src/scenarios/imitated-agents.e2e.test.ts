import { agentsAnsweredAt } from '@sallyport/authorization';
import { freePort } from '@sallyport/testing';
import { decodeJwt, exportJWK, generateKeyPair, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMITATED_AGENTS } from './imitated/imitated-agents.js';
import type { ImitatedAgent } from './imitated/imitated-agent.js';
import { Imitation, refusalAt, type Tokens } from './imitated/imitation.js';
import { startStandalone } from '../system/start-standalone.js';

let system: Awaited<ReturnType<typeof startStandalone>>;
let key: CryptoKey;
let jwksUri: string;
beforeAll(async () => {
  system = await startStandalone(); // with the configuration that is shipped
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
  key = privateKey;
  jwksUri = system.publish({ keys: [{ ...(await exportJWK(publicKey)), kid: 'imitated', alg: 'RS256', use: 'sig' }] });
});
afterAll(() => system?.stop());

const imitate = async (agent: ImitatedAgent): Promise<Imitation> => {
  const publish = (document: Readonly<Record<string, unknown>>) =>
    system.publish(
      { ...document, ...('signs' in agent.introduction ? { jwks_uri: jwksUri } : {}) },
      { asClient: true },
    );
  return new Imitation(agent, {
    endpoint: `${system.gatewayUrl}/mcp`,
    publisher: { publish, key },
    port: await freePort(),
  });
};
const working = IMITATED_AGENTS.filter(({ outcome }) => outcome === 'works');
const others = IMITATED_AGENTS.filter(({ outcome }) => outcome !== 'works');
const connect = async (imitation: Imitation): Promise<Tokens['body']> => {
  const connected = await imitation.connect();
  if (!('tokens' in connected)) throw new Error(`the person reads: ${connected.page}`);
  expect([connected.tokens.status, connected.tokens.body['token_type']]).toEqual([200, 'Bearer']);
  return connected.tokens.body;
};
const scopesOf = (token: unknown) =>
  String(decodeJwt(String(token))['scope'])
    .split(' ')
    .toSorted();
const ALL = ['notes.read', 'notes.write', 'whoami.read'];

describe.each(working.map((agent) => [agent.name, agent] as const))('%s', (_name, agent) => {
  test('gets in as shipped, sees its tools, refreshes as it does, and comes again (B20, R19)', async () => {
    const imitation = await imitate(agent);
    const first = await connect(imitation);
    const { answer } = imitation.identity;
    if (agent.refusesNull) expect(Object.values(answer)).not.toContain(null);
    expect(scopesOf(first['access_token'])).toEqual(ALL);
    expect(await imitation.tools(first['access_token'])).toContain('whoami__whoami');

    const refreshed = await Promise.all(
      Array.from({ length: agent.refresh.atOnce ?? 1 }, () => imitation.refresh(first['refresh_token'])),
    );
    expect(refreshed.map(({ status }) => status)).toEqual(refreshed.map(() => 200));
    expect(new Set(refreshed.map(({ body }) => body['refresh_token'])).size).toBe(1);
    expect(scopesOf(refreshed[0]?.body['access_token'])).toEqual(ALL);
    expect(await imitation.tools(refreshed[0]?.body['access_token'])).toContain('whoami__whoami');

    const { clientId } = imitation.identity;
    await connect(imitation);
    const isAnew = agent.introduction.by === 'registration' && agent.introduction.anew === true;
    expect(imitation.identity.clientId === clientId).toBe(!isAnew);
  });

  test('finds its way back once it is no longer known (R18, B32)', async () => {
    const imitation = await imitate(agent);
    await connect(imitation);
    const forgotten = 'dcr_00000000-0000-4000-8000-000000000000';
    const ask = (accept: string) =>
      fetch(imitation.authorizationUrl(forgotten), { headers: { accept }, redirect: 'manual' });
    switch (agent.forgotten) {
      case 'registers again':
        expect(await imitation.refresh('any', forgotten)).toMatchObject({
          status: 401,
          body: { error: 'invalid_client' },
        });
        await imitation.introduce();
        break;
      case 'reads JSON at the page': {
        const answer = await ask('application/json');
        expect([answer.status, await answer.json()]).toMatchObject([
          400,
          { error: 'invalid_client', registration_endpoint: `${system.issuer}/register` },
        ]);
        break;
      }
      case 'reads the status of the page':
        expect((await ask('*/*')).status).toBe(400);
        break;
      case 'opens the page': {
        const page = await refusalAt(imitation.authorizationUrl(forgotten));
        expect(page).toContain('Make your agent forget its sign-in here, and connect again.');
        for (const { name, forget } of agentsAnsweredAt(imitation.redirectUri))
          if (forget !== undefined) expect(page).toContain(`${name}: `);
      }
    }
    await connect(imitation);
  });
});

describe.each(others.map((agent) => [agent.name, agent] as const))(
  '%s, which breaks a rule of its own,',
  (_name, agent) => {
    test('leads to a page that says so (B32)', async () => {
      const connected = await (await imitate(agent)).connect();
      const { outcome } = agent;
      if (!('page' in connected) || outcome === 'works') throw new Error('it got in');
      expect(connected.page).toMatch(outcome.reads);
    });
  },
);

const inventive = IMITATED_AGENTS.flatMap((agent) =>
  agent.madeUpId === undefined ? [] : [[agent.name, agent.madeUpId, agent] as const],
);
test.each(inventive)(
  '%s, which goes on as “%s” when it could not register, leads to a page that says so (B32)',
  async (_name, clientId, agent) => {
    const imitation = await imitate(agent);
    await connect(imitation);
    const page = await refusalAt(imitation.authorizationUrl(clientId));
    expect(page).toContain(`It calls itself “${clientId}”, and no agent of that name is entered here.`);
    expect(page).toContain('Make your agent forget its sign-in here, and connect again.');
  },
);

const growing = IMITATED_AGENTS.flatMap((agent) =>
  agent.moreScopes === undefined ? [] : [[agent.name, agent.moreScopes, agent] as const],
);
test.each(growing)(
  '%s, which asks for more scopes %s, gets what it asks for and nothing it had besides (R11, B21)',
  async (_name, moreScopes, agent) => {
    const asking = async (own: string) =>
      scopesOf((await connect(await imitate({ ...agent, scope: { own } })))['access_token']);
    expect(await asking('notes.read')).toEqual(['notes.read']);
    expect(await asking(moreScopes === 'alone' ? 'notes.write' : 'notes.read notes.write')).toEqual(
      moreScopes === 'alone' ? ['notes.write'] : ['notes.read', 'notes.write'],
    );
  },
);

test('the metadata says what agents decide by: documents, `none` among the methods, S256, and `iss` in answers (R19, R21)', async () => {
  const metadata = await (await fetch(`${system.issuer}/.well-known/oauth-authorization-server`)).json();
  expect(metadata).toMatchObject({
    client_id_metadata_document_supported: true, // Claude, Codex and opencode try theirs only with both
    token_endpoint_auth_methods_supported: expect.arrayContaining([
      'none',
      'client_secret_post',
      'client_secret_basic',
      'private_key_jwt',
    ]),
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true, // ChatGPT then has one callback for all, and checks `iss`
  });
});
