import { expect, test } from 'vitest';
import { overload } from './overload.js';

/** A short run, wherever it is: what else the machine does decides how fast others are served, and nothing else of it. */
const SHORT = { gateways: 2, seconds: 4, sessions: 300, polite: 200, perSecond: 30, allowedP99: () => 1_000 };

test(
  'too much of everything costs nobody else a call, an administrator no second, and no replica its readiness (S32, S34)',
  { timeout: 300_000 },
  async () => {
    const said: string[] = [];
    const { acts, problems } = await overload({ ...SHORT, onProgress: (line) => said.push(line) });
    expect(problems, said.join('\n')).toEqual([]);
    for (const { act, answers } of acts)
      expect(
        Object.values(answers).reduce((sum, count) => sum + count, 0),
        act,
      ).toBeGreaterThan(100);
  },
);
