import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hottestOf } from './profile.js';

test('the functions that took most of the time come first, without the start and without idle time', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-profile-'));
  const node = (id: number, functionName: string) => ({
    id,
    callFrame: { functionName, url: '/x/apps/a.js', lineNumber: 6 },
  });
  const profile = {
    nodes: [node(1, 'start'), node(2, 'hot'), node(3, 'warm'), node(4, '(idle)')],
    startTime: 1_000,
    samples: [1, 2, 4, 3],
    timeDeltas: [100, 75, 500, 25],
  };
  writeFileSync(join(folder, 'one.cpuprofile'), JSON.stringify(profile));
  const lines = hottestOf(folder, 1_101).trim().split('\n').slice(1);
  rmSync(folder, { recursive: true });
  expect(lines).toEqual([' 75.0 %  hot  apps/a.js:7', ' 25.0 %  warm  apps/a.js:7']);
});
