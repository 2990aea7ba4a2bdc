import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERIFY_CAUSES } from '@sallyport/admin-api';
import { createSnapshot, documentMap, RevocationIndex } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { judgeEvents } from './checks/check-foundation.js';
import { checkCallPath } from './checks/check-call-path.js';
import { notReached } from './reach.js';

test('each cause is what some test plants (R72)', () => {
  const tests = globSync('**/*.test.ts', { cwd: import.meta.dirname })
    .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
    .join('\n');
  expect(VERIFY_CAUSES.filter((cause) => !new RegExp(`'${cause}'|: ${cause}\\b`).test(tests))).toEqual([]);
});

test('a proxy that lets nothing pass', () => {
  const error = new SallyportError('outbound_proxy_failed', 'The proxy answers 407.');
  expect(notReached('https://notes.example/mcp', error)).toMatchObject({ status: 'failed', cause: 'proxy_failed' });
});

test('what is not about the network is thrown on', () => {
  expect(() => notReached('https://notes.example/mcp', new TypeError('a mistake'))).toThrow('a mistake');
});

test.each([
  [0, 'passed', undefined],
  [1_001, 'warned', 'events_waiting'],
] as const)('%d batches of events wait: %s', (waiting, status, cause) => {
  expect(judgeEvents({ isStoring: true, waiting })).toMatchObject({ status, ...(cause && { cause }) });
});

test('an empty deployment: nobody can sign in, and no agent is let in', async () => {
  const documents = createSnapshot({
    epoch: '',
    revision: 1,
    documents: documentMap([]),
    revocations: new RevocationIndex(Date.now),
  });
  const checks = checkCallPath({ documents: () => documents });
  const findings = await Promise.all(checks.map((check) => check.run()));
  expect(findings.flat().map(({ cause }) => cause)).toEqual(['no_sign_in', 'no_policy_for_agents']);
});
