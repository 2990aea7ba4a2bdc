import { readdirSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { makeScratch, removeScratch, repositoryRoot } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage, type Program } from '../system/build-image.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';
import { describeTokenNeverPassedThrough } from './a-token-is-never-passed-through.js';
import { describeWholePath } from './whole-path.js';

describe('distributed, with the gateway of the image (decision 0060)', () => {
  let system: DistributedSystem;
  beforeAll(async () => {
    system = await startDistributed({ gatewaysFrom: 'image', workers: 2 });
  });
  afterAll(() => system?.stop());

  describeTokenNeverPassedThrough(() => system);
  describeWholePath(() => system);
});

describe('what the image of the gateway holds', () => {
  const folder = makeScratch('gateway-image');
  const service = join(folder, 'service');
  const textOf = (file: string): string => readFileSync(join(service, file), 'utf8');
  let program: Program;
  beforeAll(async () => {
    program = await buildImage('gateway', folder);
  });
  afterAll(() => removeScratch(folder));

  test('one program, and no package beside it', () => {
    expect(readdirSync(folder)).toEqual(['service']);
    expect(readdirSync(service).toSorted()).toEqual(['LICENSE', 'THIRD-PARTY-LICENSES', 'dist', 'package.json']);
    expect(program).toMatchObject({
      entry: join(service, 'dist/main.js'),
      nodeArgs: expect.arrayContaining(['--max-semi-space-size=32']),
    });
  });

  test('the licence of each package that is inside', () => {
    const code = ['dist/packages.js', 'dist/open-sdk.js'].map(textOf).join('\n');
    const inside = code.matchAll(/^\/\/ (?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//gm);
    const licensed = textOf('THIRD-PARTY-LICENSES').matchAll(/(?:^|-{80}\n\n)(\S+) [\d.]+ \(/g);
    const names = (found: Iterable<RegExpExecArray>) => [...new Set([...found].map(([, name]) => name))].toSorted();
    const packages = names(inside);
    expect(packages).toEqual(expect.arrayContaining(['fastify', 'undici', 'zod', '@nats-io/nats-core']));
    expect(names(licensed)).toEqual(packages);
    expect(textOf('LICENSE')).toContain('Apache License');
  });

  test('a map that leads from what runs to its source', () => {
    const file = 'dist/run-gateway.js';
    const payload = JSON.parse(textOf(`${file}.map`)) as SourceMapPayload;
    const words = 'function startGateway(';
    const lines = textOf(file).split('\n');
    const line = lines.findIndex((text) => text.startsWith(words));
    const found = new SourceMap(payload).findEntry(line, 'function '.length);
    if (!('originalSource' in found)) return expect.fail(`line ${line + 1} of ${file} is of no source`);
    const source = resolve(dirname(join(service, file)), found.originalSource);
    expect(source).toBe(join(folder, 'apps/gateway/src/start-gateway.ts'));
    const original = readFileSync(source.replace(folder, repositoryRoot), 'utf8').split('\n');
    expect(original[found.originalLine]).toContain(words);
  });
});
