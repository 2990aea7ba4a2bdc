import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFuzzIssuer, type FuzzIssuer } from './fuzz-issuer.js';
import { fuzzOauth } from './fuzz-oauth.js';
import { keepFailures, repeatCommand } from './keep-failures.js';
import { signIn } from '../../agents/sign-in.js';
import { startStandalone } from '../../system/start-standalone.js';
import type { System } from '../../system/system.js';

let own: FuzzIssuer;
let system: System;
beforeAll(async () => {
  own = await makeFuzzIssuer();
  system = await startStandalone({ logLevel: 'fatal', configure: own.configure });
});
afterAll(() => system?.stop());

/** Each run draws a seed and says how it is sent again; `npm run fuzz -- oauth` sends 100,000. */
test('three thousand mutated requests get no server error, no silence, no foreign redirect and no stack trace (S19)', async () => {
  const seed = randomInt(2 ** 31);
  const report = await fuzzOauth({ seed, first: 0, cases: 3_000, facts: async () => own.addTo(await signIn(system)) });
  const again = `${repeatCommand('oauth', seed, '--cases 3000')}; requests and answers: ${keepFailures('oauth', seed, report.failures)}`;
  expect(report.failures, again).toEqual([]);
  expect(report.cases).toBe(3_000);
  // Not only refusals at the door: pages, tokens and registrations were reached.
  // Of redirects there are few: only a good request leads on to a page of ours, an error of a stranger leads nowhere.
  for (const [status, least] of [
    ['200', 20],
    ['201', 20],
    ['303', 2],
  ] as const)
    expect([status, (report.statuses[status] ?? 0) > least]).toEqual([status, true]);
}, 300_000);

test('what came without a browser is taken while nobody alters it: the mutations start from something good (B7, R5)', async () => {
  const facts = await own.addTo(await signIn(system));
  const ask = async (parameters: Record<string, string>) =>
    (
      await fetch(`${facts.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({ resource: facts.resource, ...parameters }),
      })
    ).status;
  expect(
    await ask({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      client_id: facts.assistant.id,
      client_secret: facts.assistant.secret,
      assertion: facts.identityAssertion,
    }),
  ).toBe(200);
  expect(
    await ask({
      grant_type: 'client_credentials',
      client_id: facts.workload.id,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: facts.workload.token,
    }),
  ).toBe(200);
});
