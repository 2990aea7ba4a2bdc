import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';

/** Keeps most of what it makes, as loading modules does, and says how large the young generation became; bytes. */
const keepMuch = `
  import { getHeapSpaceStatistics } from 'node:v8';
  const size = () => getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
  const kept = [];
  const keep = () => { for (let i = 0; i < 500_000; i++) kept.push({ i }); return size(); };`;

async function run(steps: string): Promise<unknown> {
  const module = JSON.stringify(new URL('../dist/young-generation.js', import.meta.url).href);
  const program = `${keepMuch}
    const { holdYoungGeneration } = await import(${module});
    ${steps}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  return JSON.parse(stdout);
}

test('what is loaded does not enlarge the young generation, and what runs afterwards does', async () => {
  const [held, released] = z
    .tuple([z.number(), z.number()])
    .parse(
      await run(
        'const release = holdYoungGeneration(); const held = keep(); release(); console.log(`[${held}, ${keep()}]`);',
      ),
    );
  expect(held).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(released).toBeGreaterThan(4 * held);
});

test('nothing is held where nobody asked for it', async () => {
  expect(z.number().parse(await run('console.log(keep());'))).toBeGreaterThan(16 * 1024 * 1024);
});
