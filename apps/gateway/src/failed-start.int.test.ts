import type { Messaging, Unsubscribe } from '@sallyport/messaging';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayWorld } from './testing/gateway-world.js';
import type { GatewayWorld } from './testing/gateway-world.js';

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
