import { describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  Browser,
  connect,
  database,
  deployForEachTest,
  lease,
  linkFor,
  notes,
} from '../../test/connect-deployment.js';

deployForEachTest();

const tryToConnect = async () => {
  const browser = new Browser(alice.userId);
  return browser.submit(await browser.open(await linkFor(alice)));
};
const failure = async () =>
  (await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } })).body;

describe('an answer that holds no token', () => {
  test.each([
    [{ access_token: undefined }, "The answer's access_token is missing or malformed."],
    [{ token_type: 'mac' }, "The answer's token_type is mac, where Bearer is expected."],
  ])(
    'is no silence: connecting says that trying again does not help, and the trail what came (B21) (B32): %j',
    async (broken, said) => {
      notes.tamperTokens = (answer) => ({ ...answer, ...broken });
      const page = await tryToConnect();
      expect(page.html).toContain('answered with nothing that can be used as a credential');
      expect(page.html).not.toContain('Try again in a few minutes');
      expect(await failure()).toMatchObject({
        detail: { reason: 'malformed_answer', step: 'connect', said, tokenEndpoint: `${notes.origin}/token` },
      });
    },
  );

  test('to a refresh has a reason of its own, keeps the grant, and nobody is told to wait (B21, B32)', async () => {
    notes.accessTokenSeconds = 1;
    await connect(alice);
    notes.tamperTokens = ({ access_token: _none, ...answer }) => answer;
    expect(await lease(alice)).toMatchObject({
      type: 'provider_unavailable',
      message: expect.stringContaining('answers with nothing that can be used as a credential'),
    });
    expect(await (await admin('/v1/credential-providers')).json()).toMatchObject({
      credentialProviders: expect.arrayContaining([
        expect.objectContaining({
          name: 'notes-user',
          issuers: [
            expect.objectContaining({
              reason: 'malformed_answer',
              description: "The answer's access_token is missing or malformed.",
            }),
          ],
        }),
      ]),
    });
    expect((await database.connection.findFirstOrThrow()).state).toBe('connected');
  });
});

test('a token endpoint that may not be called is found out before anybody agrees to anything (B21) (B32)', async () => {
  notes.metadata = { token_endpoint: 'https://10.0.0.1/token' };
  expect((await tryToConnect()).html).toContain('names an address that may not be called from here');
  expect(notes.requests.map(({ path }) => path)).not.toContain('/authorize');
  expect(await failure()).toMatchObject({
    detail: {
      reason: 'outbound_refused',
      step: 'connect',
      said: expect.stringContaining('10.0.0.1'),
      allow: '- { host: 10.0.0.1, ports: [443] }',
    },
  });
});
