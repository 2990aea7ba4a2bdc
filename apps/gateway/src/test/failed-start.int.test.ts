import type { Messaging, Unsubscribe } from '@sallyport/messaging';
import { breakOffStart } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayWorld } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';

let world: GatewayWorld;
beforeAll(async () => {
  world = await startGatewayWorld([]);
});
afterAll(() => world?.close());

/** The bus, which counts what is open on it; `breaks` is the last thing a start asks of it, and fails. */
function countingBus(bus: Messaging, breaks: 'peers' | 'configuration') {
  let [open, everOpened] = [0, 0];
  const counted = async (subscribing: Promise<Unsubscribe>): Promise<Unsubscribe> => {
    const stop = await subscribing;
    open += 1;
    everOpened += 1;
    return async () => {
      open -= 1;
      await stop();
    };
  };
  const broken = () => Promise.reject(new Error(`no ${breaks} today`));
  const messaging: Messaging = {
    ...bus,
    broadcast: {
      publish: (subject, payload) => bus.broadcast.publish(subject, payload),
      subscribe: (subject, listener) => counted(bus.broadcast.subscribe(subject, listener)),
    },
    peers: {
      ask: (replica, question, options) => bus.peers.ask(replica, question, options),
      serve: (replica, handler) => (breaks === 'peers' ? broken() : counted(bus.peers.serve(replica, handler))),
    },
    configuration: Object.assign(
      Object.create(bus.configuration) as Messaging['configuration'],
      breaks === 'configuration' ? { follow: broken } : {},
    ),
  };
  return { messaging, counts: () => ({ open, everOpened }) };
}

test.each(['peers', 'configuration'] as const)(
  'a start that fails at the %s of the bus closes all that it had opened',
  async (breaks) => {
    const { messaging, counts } = countingBus(world.messaging, breaks);
    await expect(world.startReplica('gateway-2', { messaging })).rejects.toThrow(`no ${breaks} today`);
    expect(counts().everOpened).toBeGreaterThan(0);
    expect(counts().open).toBe(0);
  },
);

test('a start that is broken off after any of its steps leaves nothing open', async () => {
  const starts = await breakOffStart((onOpened) => world.startReplica('gateway-2', { onOpened }));
  expect(starts.map(({ step }) => step)).toEqual(
    expect.arrayContaining([
      'connections to servers',
      'connections with client certificates',
      'event spool',
      'sums of refusals',
      'subscription to changed credentials',
      'replica link',
      'used proofs',
      'configuration',
      'subscription to ended sessions',
      'periodic work (ended sessions could not be looked for)',
      'listener',
      'parked calls',
      'announcements of ended sessions',
      'periodic work (what is over could not be forgotten)',
      'periodic work (it cannot be told which calls may go on)',
      'periodic work (it cannot be told which calls may go on)',
      'closed',
    ]),
  );
  expect(starts.filter(({ leftOpen }) => leftOpen.length > 0)).toEqual([]);
});

test('a worker that the bus lets speak and not hear does not start, and says what to do (B11)', async () => {
  const { messaging } = world;
  const deaf = {
    ...messaging,
    peers: { ask: messaging.peers.ask.bind(messaging.peers), serve: async () => async () => undefined },
  };
  await expect(world.startReplica('gateway-2', { messaging: deaf }, { worker: 2 })).rejects.toMatchObject({
    code: 'worker_unreachable',
    message: expect.stringContaining('gateway-2.2'),
  });
  const heard = await world.startReplica('gateway-2', {}, { worker: 2 });
  expect(heard.name).toBe('gateway');
});
