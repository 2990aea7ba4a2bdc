import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLegacyEverything } from '../system/everything/start-legacy.js';
import { startModernEverything } from '../system/everything/start-modern.js';
import type { EverythingServer } from '../system/everything/serve-everything.js';
import { signIn } from '../agents/sign-in.js';
import { features } from './matrix/features.js';
import { connectLegacySdk, connectModernSdk } from '../agents/matrix-client.js';
import type { MatrixClient } from '../agents/matrix-client.js';
import { serversConfiguration, SERVERS_SCOPE } from '../system/servers-configuration.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

const servers = [
  { name: 'modern', title: 'SDK v2', start: startModernEverything, canAsk: true, hasTasks: true },
  {
    name: 'sessions',
    title: 'SDK v1 with sessions',
    start: () => startLegacyEverything({ sessions: true }),
    canAsk: true,
    hasTasks: false,
  },
  {
    name: 'stateless',
    title: 'SDK v1 without',
    start: () => startLegacyEverything({ sessions: false }),
    canAsk: false,
    hasTasks: false,
  },
];
const clients = [
  {
    title: 'SDK v2, 2026-07-28',
    revision: '2026-07-28',
    connect: (url: URL, token: string) => connectModernSdk(url, token, '2026-07-28'),
  },
  {
    title: 'SDK v2, 2025-11-25',
    revision: '2025-11-25',
    connect: (url: URL, token: string) => connectModernSdk(url, token, '2025-11-25'),
  },
  {
    title: 'SDK v2, 2025-06-18',
    revision: '2025-06-18',
    connect: (url: URL, token: string) => connectModernSdk(url, token, '2025-06-18'),
  },
  {
    title: 'SDK v2, 2025-03-26',
    revision: '2025-03-26',
    connect: (url: URL, token: string) => connectModernSdk(url, token, '2025-03-26'),
  },
  { title: 'SDK v1, 2025-11-25', revision: '2025-11-25', connect: connectLegacySdk },
];

describe('clients of every revision meet servers of both SDK lines (B5)', () => {
  const running = new Map<string, EverythingServer>();
  const outcomes = new Map<string, string>();
  let system: System;
  let token: string;

  beforeAll(async () => {
    for (const { name, start } of servers) running.set(name, await start());
    system = await startStandalone({
      logLevel: 'fatal',
      configure: (demo) =>
        serversConfiguration(
          [...running].map(([name, { url }]) => ({ name, url })),
          demo,
        ),
    });
    token = (await signIn(system, SERVERS_SCOPE)).accessToken;
  });
  afterAll(async () => {
    await system?.stop();
    await Promise.all([...running.values()].map((server) => server.close()));
  });

  describe.each(clients)('$title', ({ title, revision, connect }) => {
    let client: MatrixClient;
    beforeAll(async () => {
      client = await connect(new URL(`${system.gatewayUrl}/mcp`), token);
    });
    afterAll(() => client?.close());

    describe.each(servers)('$title', ({ name, canAsk, hasTasks }) => {
      test.each(features)(
        '$name',
        async (feature) => {
          const watch = running.get(name)?.watch ?? expect.fail('not running');
          outcomes.set(
            `${title} ${name} ${feature.name}`,
            await feature.check({ client, revision, server: name, watch, canAsk, hasTasks }),
          );
        },
        60_000,
      );
    });
  });

  test('the table in docs/compatibility.md says what was seen here (B5, R66)', async () => {
    const notes = [...new Set([...outcomes.values()].filter((outcome) => outcome !== 'yes'))];
    const cell = (outcome: string | undefined): string =>
      outcome === undefined ? 'failed' : outcome === 'yes' ? 'yes' : `–${'¹²³⁴⁵⁶⁷⁸⁹'[notes.indexOf(outcome)] ?? ''}`;
    const rows = clients.flatMap((client) =>
      servers.map((server) => [
        client.title,
        server.title,
        ...features.map((feature) => cell(outcomes.get(`${client.title} ${server.name} ${feature.name}`))),
      ]),
    );
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    const table = [
      line(['client', 'server', ...features.map(({ name }) => name)]),
      line(Array<string>(features.length + 2).fill('---')),
      ...rows.map(line),
      '',
      ...notes.map((note, index) => `${'¹²³⁴⁵⁶⁷⁸⁹'[index] ?? ''} ${note.replace('– ', '')}  `),
    ].join('\n');
    const file = join(repositoryRoot, 'docs', 'compatibility.md');
    const document = readFileSync(file, 'utf8').replace(
      /(?<=<!-- matrix -->\n)[\s\S]*?(?=\n<!-- end of matrix -->)/,
      `\n${table}\n`,
    );
    await expect(document).toMatchFileSnapshot(file);
  });
});
