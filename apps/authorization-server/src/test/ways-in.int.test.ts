import { waysInOf } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(async () => await deployment?.close());

const ways = waysInOf('Authorization server').filter(({ method }) => method !== 'BUS');
const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  fetch(`${deployment.issuer}${path.replaceAll(/:\w+/g, 'test')}`, {
    method,
    redirect: 'manual',
    headers: { ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}), ...headers },
    ...(method === 'POST' ? { body: '' } : {}),
  });

test('every way in answers whoever shows nothing as docs/ways-in.md says, and nothing is written (R28, S35)', async () => {
  const before = await Promise.all([deployment.database.agentSession.count(), deployment.database.user.count()]);
  const answers: Record<string, number> = {};
  for (const { method, path } of ways) answers[`${method} ${path}`] = (await ask(method, path)).status;
  expect(answers).toEqual(
    Object.fromEntries(ways.map(({ method, path, withoutCredentials }) => [`${method} ${path}`, withoutCredentials])),
  );
  expect(await Promise.all([deployment.database.agentSession.count(), deployment.database.user.count()])).toEqual(
    before,
  );
});

test('every way in takes no body beyond its limit (S33)', async () => {
  const body = 'a='.padEnd(64 * 1024, 'x');
  const answers: Record<string, number> = {};
  for (const { method, path } of ways)
    if (method === 'POST')
      answers[path] = (
        await fetch(`${deployment.issuer}${path.replaceAll(/:\w+/g, 'test')}`, {
          method,
          body,
          redirect: 'manual',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        })
      ).status;
  expect(Object.entries(answers).filter(([, status]) => status !== 413)).toEqual([]);
});
