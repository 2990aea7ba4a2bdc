import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { z } from 'zod';

const Coverage = z.object({ result: z.array(z.object({ url: z.string() })) });

/** Every script that a built program has run, as V8 counted them. */
async function scriptsOf(program: string): Promise<string[]> {
  const directory = makeScratch('what-it-loads');
  try {
    const entry = join(process.cwd(), program);
    await promisify(execFile)(process.execPath, [entry], { env: { NODE_V8_COVERAGE: directory } });
    return readdirSync(directory).flatMap((file) =>
      Coverage.parse(JSON.parse(readFileSync(join(directory, file), 'utf8'))).result.map(({ url }) => url),
    );
  } finally {
    removeScratch(directory);
  }
}

test('a gateway loads no framework but its HTTP server, and no program of another plane', async () => {
  const scripts = await scriptsOf('apps/gateway/dist/start-gateway.js');
  const packages = new Set(scripts.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []));
  expect([...packages]).toEqual(expect.arrayContaining(['fastify', 'undici', 'zod']));
  expect([...packages].filter((name) => /^(@nestjs\/|rxjs$|reflect-metadata$|@prisma\/|pg$)/.test(name))).toEqual([]);
  expect(scripts.filter((url) => /\/apps\/(?!gateway\/)/.test(url))).toEqual([]);
});
