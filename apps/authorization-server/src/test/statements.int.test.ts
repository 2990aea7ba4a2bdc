import { statementsSent } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

/** Each statement is a way to the database and back, one after the other: they are most of what a token takes. */
test('a token costs the database no more statements than it did', async () => {
  const agent = await TestAgent.register(deployment);
  const rounds: { readonly redeeming: string[]; readonly refreshing: string[] }[] = [];
  for (let round = 0; round < 3; round++) {
    const code = (await agent.authorize()).get('code');
    let answer = { status: 0, body: {} } as Awaited<ReturnType<typeof agent.redeem>>;
    const redeeming = await statementsSent(async () => (answer = await agent.redeem(code)));
    const refreshing = await statementsSent(async () => (answer = await agent.refresh(answer.body['refresh_token'])));
    expect(answer.status).toBe(200);
    rounds.push({ redeeming, refreshing });
  }
  // Of several, the one that nothing else of this process ran beside.
  const fewest = (of: 'redeeming' | 'refreshing') =>
    rounds.map((round) => round[of]).reduce((least, sent) => (sent.length < least.length ? sent : least));
  expect(fewest('redeeming').slice(13), 'redeeming a code').toEqual([]);
  expect(fewest('refreshing').slice(11), 'refreshing').toEqual([]);
});
