import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { StoredEvent } from '@sallyport/admin-api/events';
import { demoConfiguration } from '@sallyport/demo';
import { startOtlpReceiver, startWebhookReceiver, type TestReceiver } from '@sallyport/log-sinks/testing';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { adminClient, administrator } from '../system/administrator.js';
import { recordsOf, sallyport, type CommandLineOptions } from '../system/command-line.js';
import { startStandalone } from '../system/start-standalone.js';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

describe('log streams of the system as `npm start` runs it (R78, B24)', () => {
  let system: Awaited<ReturnType<typeof startStandalone>>;
  let receivers: Readonly<Record<'hook' | 'otel' | 'unlisted', TestReceiver & { readonly url: string }>>;
  let commandLine: CommandLineOptions;
  beforeAll(async () => {
    const [hook, otel, unlisted] = [
      await startWebhookReceiver(SECRET),
      await startOtlpReceiver(),
      await startOtlpReceiver(),
    ];
    receivers = { hook, otel, unlisted };
    const stream = (name: string, sink: string) =>
      `kind: LogStream\nname: ${name}\nspec: { filter: { types: [mcp.response], servers: [whoami] }, sink: ${sink} }\n---\n`;
    const listed = [hook, otel].map(({ url }) => new URL(url).port).join(', ');
    system = await startStandalone({
      env: { WEBHOOK_SECRET: SECRET },
      configure: (demo) =>
        [
          stream('hook', `{ webhook: { url: "${hook.url}", signingSecret: { env: WEBHOOK_SECRET } } }`),
          stream('otel', `{ otlp: { url: "${otel.url}" } }`),
          stream('unlisted', `{ otlp: { url: "${unlisted.url}" } }`),
          stream('kept', '{ file: { name: audit.ndjson } }'),
          demoConfiguration(demo).trimEnd(),
          `\n    - { host: 127.0.0.1, ports: [${listed}], http: true }\n`,
        ].join(''),
    });
    commandLine = { env: { SALLYPORT_DATA_DIR: dirname(system.keys) } };
  });
  afterAll(async () => {
    await system?.stop();
    await Promise.all(Object.values(receivers ?? {}).map((receiver) => receiver.stop()));
  });

  const callWhoami = async (): Promise<StoredEvent> => {
    const before = (await responses()).length;
    const agent = await connectModernAgent({
      ...system,
      name: 'Streamed Agent',
      person: new Person('alice', { agentRedirectUri: system.redirectUri }),
      clientMetadataUrl: system.clientMetadataUrl,
    });
    await agent.call('whoami__whoami');
    await agent.close();
    return eventually(
      async () => (await responses()).at(before) ?? expect.fail('the trail does not have the call yet'),
      {
        timeoutMs: 30_000,
      },
    );
  };
  const responses = async () =>
    (await administrator(system).events({ type: 'mcp.response' })).filter(({ tool }) => tool === 'whoami');
  const fileLines = () => {
    const file = join(dirname(system.keys), 'log-streams', 'audit.ndjson');
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  };
  const arrived = (lines: () => Promise<readonly string[]>, { id }: StoredEvent) =>
    eventually(
      async () =>
        (await lines()).map((line) => JSON.parse(line) as StoredEvent).find((event) => event.id === id) ??
        expect.fail(`${id} is not there yet`),
      { timeoutMs: 30_000 },
    );

  test('a call is at each receiver as the trail has it: who called what, at which server', async () => {
    const call = await callWhoami();
    expect(call).toMatchObject({
      userName: expect.stringMatching(/^\S/),
      agentName: expect.stringMatching(/^\S/),
      serverTitle: expect.stringMatching(/^\S/),
      outcome: 'success',
    });
    for (const kept of [receivers.hook.kept, receivers.otel.kept, () => Promise.resolve(fileLines())])
      expect(await arrived(kept, call)).toEqual(call);
  });

  test('a receiver on a private address gets nothing, and everything once an administrator lists it', async () => {
    const call = await callWhoami();
    const refused = await sallyport(['log-stream', 'test', 'unlisted'], commandLine);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.not.stringContaining('error') });
    expect(refused.stdout).toMatch(/✗ not taken[^]*127\.0\.0\.1[^]*only https may be called/);
    expect(receivers.unlisted.http.requests).toEqual([]);

    const client = adminClient(system);
    const network = await client.readDocument({ params: { kind: 'OutboundNetwork', name: 'default' } });
    const { allow } = network.spec as { allow: object[] };
    const { hostname: host, port } = new URL(receivers.unlisted.url);
    await client.applyChangeSet({
      query: { wait: 'live' },
      body: {
        set: null,
        takeOver: true,
        documents: [
          {
            kind: 'OutboundNetwork',
            name: 'default',
            spec: { allow: [...allow, { host, ports: [Number(port)], http: true }] },
          },
        ],
      },
    });
    const taken = await sallyport(['log-stream', 'test', 'unlisted'], commandLine);
    expect(taken).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('✓ taken') });
    expect(await arrived(receivers.unlisted.kept, call)).toEqual(call);
  });

  test('what a receiver refuses is a dead letter, which the command line shows and sends again', async () => {
    receivers.hook.http.faults.answer = { status: 400, body: 'not today' };
    const call = await callWhoami();
    const letters = async () =>
      recordsOf((await sallyport(['log-stream', 'dead-letters', 'hook', '--json'], commandLine)).stdout).map(
        ({ value }) => value,
      );
    const letter = await eventually(
      async () => (await letters()).find(({ eventId }) => eventId === call.id) ?? expect.fail('it is not given up yet'),
      { timeoutMs: 60_000, intervalMs: 500 },
    );
    expect(letter).toMatchObject({ type: 'mcp.response', attempts: 5, said: 'HTTP 400: not today' });

    receivers.hook.http.faults.answer = undefined;
    const replayed = await sallyport(['log-stream', 'replay', 'hook', call.id], commandLine);
    expect(replayed).toMatchObject({ exitCode: 0, stdout: '1 dead letters are sent again.\n' });
    expect(await arrived(receivers.hook.kept, call)).toEqual(call);
    await eventually(async () => (await letters()).every(({ eventId }) => eventId !== call.id), {
      timeoutMs: 30_000,
      until: 'the letter is gone',
    });
  });
});
