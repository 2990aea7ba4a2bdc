import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  environmentSchema,
  renderConfiguration,
  renderEnvironmentExample,
  variablesOf,
  type AppVariables,
} from './environment.js';

const root = process.cwd();
const apps = {
  standalone: 'What `npm start` runs: all of it in one process, for development. Nothing is required.',
  gateway: 'The data plane. Reaches the bus and the servers, nothing else.',
  'authorization-server': 'Issues the tokens agents hold.',
  'control-plane': 'Configuration, leases, connect pages, events.',
  'token-refresh-worker': 'Refreshes credentials ahead of expiry.',
  cli: 'The command line `sallyport` ([cli.md](cli.md)). Nothing is required; an argument wins over a variable.',
};

const described: AppVariables[] = await Promise.all(
  Object.entries(apps).map(async ([app, summary]) => {
    const exported = (await import(join(root, 'apps', app, 'src', 'config.ts'))) as Record<string, unknown>;
    return { app, summary, variables: variablesOf(environmentSchema(app, exported)) };
  }),
);

test('docs/configuration.md lists every setting of every process', async () => {
  await expect(renderConfiguration(described)).toMatchFileSnapshot(join(root, 'docs/configuration.md'));
});

test('.env.example lists every setting with its default', async () => {
  await expect(renderEnvironmentExample(described)).toMatchFileSnapshot(join(root, '.env.example'));
});

test('a default is shown as a text the process would accept, and a setting must be described', () => {
  const seconds = z
    .string()
    .regex(/^\d+s$/)
    .transform((text) => Number.parseInt(text, 10) * 1000);
  const schema = z.object({
    SALLYPORT_BOUND: seconds.default(30_000).describe('how long'),
    SALLYPORT_NAME: z.string().describe('who'),
    SALLYPORT_LIST: z
      .string()
      .transform((text) => text.split(','))
      .default([])
      .describe('which'),
  });
  expect(variablesOf(schema)).toEqual([
    { name: 'SALLYPORT_BOUND', required: false, example: '30s', description: 'how long' },
    { name: 'SALLYPORT_NAME', required: true, example: undefined, description: 'who' },
    { name: 'SALLYPORT_LIST', required: false, example: '', description: 'which' },
  ]);
  expect(() => variablesOf(z.object({ SALLYPORT_X: z.string() }))).toThrow('SALLYPORT_X has no .describe()');
  expect(() => environmentSchema('gateway', {})).toThrow('must export exactly one zod object');
});
