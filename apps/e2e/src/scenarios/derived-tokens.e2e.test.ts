import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connectDatabase } from '@sallyport/database';
import { findSecrets } from '@sallyport/testing';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import type { PersonName } from '../agents/person.js';
import { startModernEverything } from '../system/everything/start-modern.js';
import type { EverythingServer } from '../system/everything/serve-everything.js';
import { serversConfiguration } from '../system/servers-configuration.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

/** Exchanges tokens of the demonstration's identity provider for tokens that say whose they are. */
async function startExchange() {
  const forms: URLSearchParams[] = [];
  const control = { refusal: undefined as object | undefined, userInfo: '' };
  const answer = async (body: string) => {
    const form = new URLSearchParams(body);
    forms.push(form);
    if (control.refusal !== undefined) return { status: 400, json: control.refusal };
    const whose = await fetch(control.userInfo, { headers: { authorization: `Bearer ${form.get('subject_token')}` } });
    if (!whose.ok) return { status: 400, json: { error: 'invalid_grant' } };
    const { sub } = (await whose.json()) as { sub: string };
    return {
      status: 200,
      json: {
        access_token: `crm-token-${forms.length}-of-${sub}`,
        token_type: 'Bearer',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        expires_in: 600,
      },
    };
  };
  const server = createServer((request, response) => {
    text(request)
      .then(answer)
      .then(({ status, json }) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json)),
      )
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    forms,
    control,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

let exchange: Awaited<ReturnType<typeof startExchange>>;
let crm: EverythingServer;
let system: System;
beforeAll(async () => {
  [exchange, crm] = await Promise.all([startExchange(), startModernEverything()]);
  system = await startStandalone({
    configure: (demo) =>
      serversConfiguration(
        [{ name: 'crm', url: crm.url, credential: 'token-exchange', exchangedAt: exchange.url }],
        demo,
      ),
  });
  const metadata = (await (
    await fetch(`${system.demo.urls.identityProvider}/.well-known/openid-configuration`)
  ).json()) as { userinfo_endpoint: string };
  exchange.control.userInfo = metadata.userinfo_endpoint;
});
afterAll(async () => {
  await system?.stop();
  await Promise.all([crm?.close(), exchange?.close()]);
});
beforeEach(() => {
  exchange.control.refusal = undefined;
  exchange.forms.length = 0;
});

const connect = (name: PersonName, person = new Person(name, { agentRedirectUri: system.redirectUri })) =>
  connectModernAgent({
    gatewayUrl: system.gatewayUrl,
    name: 'Deriving Agent',
    redirectUri: system.redirectUri,
    person,
    clientMetadataUrl: system.clientMetadataUrl,
  });
const use = (agent: Awaited<ReturnType<typeof connect>>) => agent.call('test_simple_text');

test("each user's calls carry a token made of their own sign-in, and none of their other tokens goes anywhere (R50, R51)", async () => {
  const [alice, admin] = [await connect('alice'), await connect('admin')];
  for (const agent of [alice, admin, alice]) expect(await use(agent)).toMatchObject({ isError: false });
  expect(system.downstream.presentedTo(crm.url).toSorted()).toEqual([
    'crm-token-1-of-idp|alice',
    'crm-token-2-of-idp|admin',
  ]);
  expect(exchange.forms.map((form) => form.get('audience'))).toEqual(['crm-api', 'crm-api']);
  const subjects = Object.fromEntries(
    exchange.forms.map((form, index) => [`subject ${index}`, form.get('subject_token') ?? '']),
  );
  const derived = Object.fromEntries(
    system.downstream.presentedTo(crm.url).map((token, index) => [`derived ${index}`, token]),
  );
  expect(
    findSecrets(
      { log: system.logs(), alice: await alice.recording.text(), admin: await admin.recording.text() },
      { ...subjects, ...derived },
    ),
  ).toEqual([]);
  await Promise.all([alice.close(), admin.close()]);
}, 60_000);

test('consent that the identity provider misses is said in words to the agent, whose session goes on (R51)', async () => {
  exchange.control.refusal = { error: 'invalid_grant', suberror: 'consent_required' };
  const alice = await connect('alice');
  expect(await use(alice)).toEqual({
    isError: true,
    text: 'The identity provider wants consent before it gives access to crm. An administrator can give it there.',
  });
  await alice.close();
}, 60_000);

test('a sign-in that serves no more ends the session; the same person signs in anew, and it goes on (R51, R86)', async () => {
  const person = new Person('alice', { agentRedirectUri: system.redirectUri });
  const alice = await connect('alice', person);
  const { sid } = decodeJwt(alice.token());
  exchange.control.refusal = { error: 'interaction_required' };
  const database = connectDatabase(system.databaseUrl);
  await database.identitySession.updateMany({ data: { createdAt: new Date(Date.now() - 600_000) } });
  await database.$disconnect();
  // The call under way hears of the end itself, or of the credential that is refused with it: whichever comes first.
  const ended = await use(alice).then(({ text }) => text, String);
  expect(ended).toMatch(/unauthorized|the sign-in of this agent was ended/i);
  if (!/unauthorized/i.test(ended)) await expect(use(alice)).rejects.toThrow(/unauthorized/i);
  exchange.control.refusal = undefined;
  const again = await connect('alice', person);
  expect(decodeJwt(again.token())['sid']).not.toBe(sid);
  expect(await use(again)).toMatchObject({ isError: false });
  expect(new Set(exchange.forms.map((form) => form.get('subject_token'))).size).toBe(2);
  await Promise.all([alice.close(), again.close()]);
}, 60_000);
