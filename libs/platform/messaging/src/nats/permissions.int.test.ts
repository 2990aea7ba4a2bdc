import { randomBytes } from 'node:crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { streams, subjects } from '@sallyport/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inboxPrefixOf } from '../index.js';
import type { Messaging } from '../index.js';
import { startDeployment } from './deployment.contract.js';
import type { Deployment } from './deployment.contract.js';

let deployment: Deployment;
let controlPlane: Messaging;
beforeAll(async () => {
  deployment = await startDeployment();
  controlPlane = await deployment.open('cp-1');
});
afterAll(() => deployment.close());

/** What a thief of one replica's key tries with a plain client. The server's refusals are asynchronous: they come as status. */
async function thief(name: string) {
  const connection = await deployment.openRaw(name);
  const refusals: string[] = [];
  void (async () => {
    for await (const status of connection.status()) if (status.type === 'error') refusals.push(status.error.message);
  })();
  const refused = async (attempt: (connection: NatsConnection) => void): Promise<boolean> => {
    const before = refusals.length;
    attempt(connection);
    await connection.flush();
    await connection.flush();
    return refusals.slice(before).some((text) => /permissions? violation/i.test(text));
  };
  return {
    connection,
    /** Those of the subjects that the server lets through. */
    publishable: async (...subjects: readonly string[]) =>
      keep(subjects, async (subject) => !(await refused((bus) => bus.publish(subject, '[]')))),
    audible: async (...subjects: readonly string[]) =>
      keep(subjects, async (spec) => {
        const [subject = '', queue] = spec.split(' ');
        return !(await refused((bus) =>
          bus.subscribe(subject, { callback: () => undefined, ...(queue === undefined ? {} : { queue }) }),
        ));
      }),
  };
}
async function keep(subjects: readonly string[], test: (subject: string) => Promise<boolean>): Promise<string[]> {
  const kept: string[] = [];
  for (const subject of subjects) if (await test(subject)) kept.push(subject);
  return kept;
}
type Thief = Awaited<ReturnType<typeof thief>>;

const administration = [
  ...['CREATE', 'UPDATE', 'DELETE', 'PURGE', 'INFO', 'MSG.GET', 'MSG.DELETE', 'SNAPSHOT'].flatMap((operation) =>
    [streams.configuration, streams.events, 'OTHER'].map((stream) => `$JS.API.STREAM.${operation}.${stream}`),
  ),
  '$JS.API.STREAM.LIST',
  '$JS.API.STREAM.NAMES',
  '$JS.API.INFO',
  ...[streams.configuration, streams.events].flatMap((stream) => [
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.mine`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.mine`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.control-plane`,
    `$JS.API.CONSUMER.DELETE.${stream}.control-plane`,
  ]),
  `$JS.API.DIRECT.GET.${streams.events}`,
  `$JS.ACK.${streams.events}.control-plane.1.1.1.1.1`,
];

describe.each([['gw-1'], ['as-1'], ['worker-1']])('the key of %s', (name) => {
  let stolen: Thief;
  beforeAll(async () => {
    stolen = await thief(name);
  });
  afterAll(() => stolen.connection.close());

  test('cannot write configuration, revocations or heartbeats (S26, S27)', async () => {
    expect(
      await stolen.publishable(
        subjects.configurationBase,
        subjects.configurationChange,
        subjects.configurationHeartbeat,
      ),
    ).toEqual([]);
  });
  test('publishes events under its own name and under no other (S26)', async () => {
    const others = ['gw-2', 'cp-1', `${name}.x`, `x.${name}`].map(subjects.events);
    expect(await stolen.publishable(subjects.events(name), ...others, 'sallyport.v1.events')).toEqual([
      subjects.events(name),
    ]);
  });
  test("reads its own inbox and nobody else's (S26)", async () => {
    const own = `${inboxPrefixOf(name)}.>`;
    expect(
      await stolen.audible(
        own,
        `${inboxPrefixOf('gw-2')}.>`,
        `${inboxPrefixOf('cp-1')}.>`,
        '_INBOX.>',
        '_INBOX_*.>',
        '*.>',
        '>',
      ),
    ).toEqual([own]);
  });
  test('cannot listen to lease requests or to events, nor a gateway or worker to commands (S26)', async () => {
    const mine =
      name === 'as-1'
        ? [
            `${subjects.rotateSigningKeys} authorization-server`,
            `${subjects.removeRegistration} authorization-server`,
            `${subjects.exchangeSignIn} authorization-server`,
          ]
        : [];
    expect(
      await stolen.audible(
        subjects.lease,
        `${subjects.lease} control-plane`,
        subjects.events('*'),
        subjects.events('gw-2'),
        subjects.rotateSigningKeys,
        `${subjects.rotateSigningKeys} authorization-server`,
        subjects.removeRegistration,
        `${subjects.removeRegistration} authorization-server`,
        subjects.exchangeSignIn,
        `${subjects.exchangeSignIn} authorization-server`,
      ),
    ).toEqual(mine);
  });
  test("cannot answer in the control plane's place (S26)", async () => {
    const random = randomBytes(8).toString('hex');
    expect(await stolen.publishable(`${inboxPrefixOf('gw-2')}.${random}`, `_INBOX.${random}`)).toEqual([]);
  });
  test('cannot command a rotation of the signing keys or the end of a registration, nor ask for anything to be exchanged (S26, S21)', async () => {
    expect(
      await stolen.publishable(subjects.rotateSigningKeys, subjects.removeRegistration, subjects.exchangeSignIn),
    ).toEqual([]);
  });
  test('cannot administer JetStream: no stream, no consumer, no purge, no acknowledgement (S26)', async () => {
    expect(await stolen.publishable(...administration)).toEqual([]);
  });
});

test('gateways speak to one another, each hearing only what is said to it, and nobody else speaks to them or listens (S26)', async () => {
  const both = (address: string) => [subjects.gateway(address), subjects.gatewayReply(address)];
  const between = [...both('gw-2'), ...both('gw-2.1'), subjects.allGateways];
  const own = (name: string) => [...[name, `${name}.1`, `${name}.*`].flatMap(both), subjects.allGateways];
  const all = ['gw-1', 'gw-2', 'gw-1.1', 'gw-2.1', 'gw-1.*', 'gw-2.*', 'gw-2.>', '*', '*.*', '*.1', '>'].flatMap(both);
  for (const [name, mayPublish, mayHear] of [
    ['gw-1', between, own('gw-1')],
    ['as-1', [], []],
    ['worker-1', [], []],
    ['cp-1', [], []],
  ] as const) {
    const stolen = await thief(name);
    expect(await stolen.publishable(...between)).toEqual(mayPublish);
    expect((await stolen.audible(...all, subjects.allGateways)).toSorted()).toEqual([...mayHear].toSorted());
    await stolen.connection.close();
  }
});

test('a process can ask whether it is kept from what is not its own (S26)', async () => {
  expect(await controlPlane.refuses(subjects.gateway('gw-1'))).toBe(true);
  expect(await controlPlane.refuses(subjects.credentialChanged)).toBe(false);
});

test('each process reports under its own role and name alone, and only control planes hear it (S26)', async () => {
  const addresses = {
    'gw-1': ['gateway.gw-1', 'gateway.gw-1.1'],
    'as-1': ['authorization-server.as-1'],
    'worker-1': ['token-refresh-worker.worker-1'],
    'cp-1': ['control-plane.cp-1'],
  };
  const reportsOf = (list: readonly string[]) => list.map((address) => `sallyport.v1.reports.${address}`);
  const all = reportsOf([
    ...Object.values(addresses).flat(),
    'gateway.gw-2',
    'gateway.gw-2.1',
    'gateway.gw-1.1.1',
    'gateway.as-1',
    'authorization-server.gw-1',
    'control-plane.gw-1',
    'as-1',
  ]);
  for (const [name, own] of Object.entries(addresses)) {
    const stolen = await thief(name);
    expect((await stolen.publishable(...all)).toSorted()).toEqual(reportsOf(own).toSorted());
    const audible = await stolen.audible(subjects.allReports, ...reportsOf(['gateway.gw-1', 'gateway.*']));
    expect(audible.length > 0).toBe(name === 'cp-1');
    await stolen.connection.close();
  }
});

test('the workers of a replica share its key, and each hears what is said to it alone (S26)', async () => {
  const [one, two] = await Promise.all([deployment.open('gw-1', 'gw-1.1'), deployment.open('gw-1', 'gw-1.2')]);
  const other = await deployment.open('gw-2');
  const stops = await Promise.all([
    one.peers.serve('gw-1.1', async (question) => `the first heard ${question}`),
    two.peers.serve('gw-1.2', async (question) => `the second heard ${question}`),
    other.peers.serve('gw-2', async (question) => `another heard ${question}`),
  ]);
  const inTime = { timeoutMs: 5_000 };
  expect(
    await Promise.all([
      other.peers.ask('gw-1.1', 'a', inTime),
      other.peers.ask('gw-1.2', 'b', inTime),
      one.peers.ask('gw-1.2', 'c', inTime),
      two.peers.ask('gw-1.1', 'd', inTime),
      two.peers.ask('gw-2', 'e', inTime),
    ]),
  ).toEqual(['the first heard a', 'the second heard b', 'the second heard c', 'the first heard d', 'another heard e']);
  await expect(other.peers.ask('gw-1.3', 'f', inTime)).rejects.toMatchObject({ code: 'messaging_no_responder' });
  await Promise.all(stops.map((stop) => stop()));
});

test("a gateway cannot answer what it overhears: the acknowledgement of the control plane's appends is the stream's alone (S26, S27)", async () => {
  const stolen = await thief('gw-1');
  const overheard: string[] = [];
  stolen.connection.subscribe('sallyport.v1.configuration.*', {
    callback: (_, message) => void overheard.push(message.reply ?? ''),
  });
  await stolen.connection.flush();
  await controlPlane.configuration.appendBase(900, ['base 900']);
  await expect.poll(() => overheard.filter((reply) => reply !== '').length).toBeGreaterThan(0);
  expect(await stolen.publishable(...overheard.filter((reply) => reply !== ''))).toEqual([]);
  await stolen.connection.close();
});

test('only gateways ask for leases and end MCP sessions; only control plane and worker announce credentials, only the control plane ended sessions (S26)', async () => {
  const allowed = {
    'gw-1': [subjects.lease, subjects.endMcpSessions, subjects.listEndedMcpSessions],
    'as-1': [],
    'worker-1': [subjects.credentialChanged],
    'cp-1': [subjects.mcpSessionsEnded, subjects.credentialChanged],
  };
  for (const [name, mine] of Object.entries(allowed)) {
    const stolen = await thief(name);
    expect(
      await stolen.publishable(
        subjects.lease,
        subjects.endMcpSessions,
        subjects.listEndedMcpSessions,
        subjects.mcpSessionsEnded,
        subjects.credentialChanged,
      ),
    ).toEqual(mine);
    await stolen.connection.close();
  }
});

test('a forged configuration entry never reaches a follower (S26, S27)', async () => {
  await controlPlane.configuration.appendBase(0, ['base 0']);
  const victim = await deployment.open('gw-2');
  const seen: string[] = [];
  await victim.configuration.follow((jws) => void seen.push(jws));
  await expect.poll(() => seen).toEqual(['base 0']);
  const stolen = await thief('gw-1');
  for (const subject of [subjects.configurationBase, subjects.configurationChange, subjects.configurationHeartbeat])
    stolen.connection.publish(subject, 'forged');
  await stolen.connection.flush();
  await controlPlane.configuration.appendChange(1, 'change 1');
  await expect.poll(() => seen).toEqual(['base 0', 'change 1']);
  await stolen.connection.close();
});

test('answers that a thief has the server send into the log are passed over, and copies of entries are refused (S26, S27)', async () => {
  const isolated = await startDeployment();
  const [writer, stolen] = [await isolated.open('cp-1'), await isolated.openRaw('gw-1')];
  await writer.configuration.appendBase(0, ['base 0']);
  await writer.configuration.appendChange(1, 'change 1');
  const read = `$JS.API.DIRECT.GET.${streams.configuration}`;
  for (const target of [subjects.configurationBase, subjects.configurationChange]) {
    stolen.publish(read, JSON.stringify({ seq: 1 }), { reply: target }); // a copy of the base
    stolen.publish(read, JSON.stringify({ seq: 2 }), { reply: target }); // a copy of the change
    stolen.publish(read, JSON.stringify({ seq: 999 }), { reply: target }); // "not found"
    stolen.publish(subjects.events('gw-1'), `[{"id":"${target}"}]`, { reply: target }); // the acknowledgement of a batch
  }
  await stolen.flush();
  await writer.configuration.appendChange(2, 'change 2');
  const seen: string[] = [];
  const reader = await isolated.open('gw-2');
  await reader.configuration.follow((jws) => void seen.push(jws));
  await expect.poll(() => seen, { timeout: 5_000 }).toEqual(['base 0', 'change 1', 'change 2']);
  await writer.configuration.appendChange(3, 'change 3');
  await expect.poll(() => seen.at(-1)).toBe('change 3');
  await stolen.close();
  await isolated.close();
});

test('the control plane does not answer a request whose answer would go anywhere but an inbox (S26)', async () => {
  const isolated = await startDeployment();
  const [responder, stolen] = [await isolated.open('cp-1'), await isolated.openRaw('gw-1')];
  await responder.configuration.appendBase(0, ['base 0']);
  const answered: unknown[] = [];
  const stop = await responder.serve(subjects.lease, (payload) => {
    answered.push(payload);
    return { echoed: payload };
  });
  const observer = await isolated.openRaw('cp-2');
  const heard: string[] = [];
  observer.subscribe('sallyport.v1.configuration.*', { callback: (_, message) => void heard.push(message.string()) });
  await observer.flush();
  for (const target of [
    subjects.configurationChange,
    subjects.configurationHeartbeat,
    subjects.events('gw-2'),
    subjects.credentialChanged,
  ])
    stolen.publish(subjects.lease, '{}', { reply: target });
  await stolen.flush();
  await expect
    .poll(() => isolated.problems.filter(([name, problem]) => name === 'cp-1' && problem === 'not-permitted').length)
    .toBe(4);
  const gateway = await isolated.open('gw-1');
  expect(await gateway.request(subjects.lease, { ask: 1 }, { timeoutMs: 2_000 })).toEqual({
    echoed: { ask: 1, waitsMs: 2_000 },
  });
  expect(heard).toEqual([]);
  expect(answered).toEqual([{ ask: 1, waitsMs: 2_000 }]);
  await Promise.all([stop(), stolen.close(), observer.close()]);
  await isolated.close();
});

test('the control plane answers once, to whom it was asked by, and cannot write into an inbox unasked (S26)', async () => {
  const [responder, asker] = [await deployment.openRaw('cp-2'), await deployment.openRaw('gw-2')];
  const violations: string[] = [];
  void (async () => {
    for await (const status of responder.status()) if (status.type === 'error') violations.push(status.error.message);
  })();
  responder.subscribe(subjects.lease, {
    queue: 'control-plane',
    callback: (_, message) => {
      message.respond('first');
      message.respond('second');
    },
  });
  await responder.flush();
  const answers: string[] = [];
  const inbox = `${inboxPrefixOf('gw-2')}.answer`;
  asker.subscribe(inbox, { callback: (_, message) => void answers.push(message.string()) });
  asker.publish(subjects.lease, '{}', { reply: inbox });
  await expect.poll(() => violations.length).toBeGreaterThan(0);
  responder.publish(`${inboxPrefixOf('gw-2')}.unasked`, 'unasked');
  await expect.poll(() => violations.length).toBeGreaterThan(1);
  await asker.flush();
  expect(answers).toEqual(['first']);
  await Promise.all([responder.close(), asker.close()]);
});

test('a client without a key is refused (S26)', async () => {
  const { connect } = await import('@nats-io/transport-node');
  await expect(connect({ servers: deployment.nats.url, reconnect: false })).rejects.toThrow(/authorization/i);
});

test("a gateway's own messaging works with what it may: log, events, request (S26)", async () => {
  const gateway = await deployment.open('gw-1');
  await gateway.events.publish('gw-1', [{ id: 'a' }]);
  await expect(gateway.events.publish('gw-2', [{ id: 'a' }])).rejects.toMatchObject({ code: 'messaging_unavailable' });
  await expect(gateway.request(subjects.lease, {}, { timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'messaging_no_responder',
  });
  expect(deployment.problems.filter(([name, problem]) => name === 'gw-1' && problem === 'not-permitted')).toHaveLength(
    1,
  );
});
