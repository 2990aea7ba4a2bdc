import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runProcess, startHealthServer } from '@sallyport/process';
import { createLogger } from '@sallyport/telemetry';
import { startBigServerWorld } from './big-server-world.js';
import { createCountingServer } from './counting-server.js';
import { testUser } from './gateway-world.js';

/**
 * A gateway in a process of its own, whose spool is in the directory it is given, so that a test can take that disk
 * away. Nothing is shipped before SIGUSR2. Says on standard output where it is reached; `/stats` says what happened.
 */
await runProcess('gateway-on-a-disk', async ({ onClose }) => {
  const server = createCountingServer();
  const world = await startBigServerWorld(server.http, {}, { spoolDirectory: process.argv[2] ?? '' });
  onClose('gateway', () => world.close());
  const { publishLines } = world.messaging.events;
  world.messaging.events.publishLines = () => Promise.reject(new Error('no bus'));
  process.on('SIGUSR2', () => (world.messaging.events.publishLines = publishLines));
  const health = await startHealthServer(0, '127.0.0.1', [world.gateway], {
    logger: createLogger({ name: 'health', level: 'warn' }),
  });
  onClose('health', () => health.close());
  const stats = createServer((_request, response) => {
    const recorded = world.records.filter(
      ({ method, decision }) => method === 'tools/call' && decision === 'allow',
    ).length;
    const { user, system } = process.cpuUsage();
    response.end(JSON.stringify({ ran: server.ran.length, recorded, cpuMs: (user + system) / 1_000 }));
  });
  await new Promise<void>((resolve) => stats.listen(0, '127.0.0.1', resolve));
  onClose('stats', () => stats.closeAllConnections());
  const { port } = stats.address() as AddressInfo;
  const places = {
    url: world.url,
    health: health.url,
    stats: `http://127.0.0.1:${port}`,
    token: await world.token(testUser('alice')),
  };
  process.stdout.write(`${JSON.stringify(places)}\n`);
});
