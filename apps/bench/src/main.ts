import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { SallyportError } from '@sallyport/kernel';
import { spawnApp, type SpawnedApp } from '@sallyport/testing';
import { z } from 'zod';
import { compare, summarise, type Round } from './compare.js';
import { callTool } from './load/call-tool.js';
import { generateLoad, LoadOrder } from './load/generate-load.js';
import { createBareProxy } from './subjects/bare-proxy.js';
import { startGatewayPath } from './subjects/gateway-path.js';
import { createUpstream } from './subjects/upstream.js';

const program = 'apps/bench/dist/main.js';

/**
 * Part of the bare proxy's throughput the whole gateway must reach. Of rounds of two seconds the share varies by a
 * quarter of itself on two cores: those only tell whether something became slow by a multiple.
 */
const least = { whole: 0.25, smoke: 0.15 };

const Measured = z.object({ requests: z.int(), errors: z.int(), seconds: z.number(), latencies: z.array(z.number()) });

/** Each of these is a process of its own, so that no subject shares its event loop with the load or the upstream. */
const roles: Readonly<Record<string, (argument: string) => Promise<void>>> = {
  upstream: async () => {
    const server = createUpstream().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('an upstream without a port');
    process.stdout.write(`http://127.0.0.1:${address.port}/mcp\n`);
  },
  'bare-proxy': async (upstream) => {
    process.stdout.write(`${await createBareProxy(upstream).listen({ port: 0, host: '127.0.0.1' })}/mcp\n`);
  },
  load: async (order) => {
    process.stdout.write(JSON.stringify(await generateLoad(LoadOrder.parse(JSON.parse(order)))));
  },
};

/** Starts a role that prints its URL once it listens. */
async function start(role: string, argument = ''): Promise<{ url: string; app: SpawnedApp }> {
  const app = await spawnApp({ entry: program, args: [role, argument], readyPattern: /\n/ });
  return { url: app.stdout().trim(), app };
}

async function measure(order: LoadOrder): Promise<Round> {
  const app = await spawnApp({ entry: program, args: ['load', JSON.stringify(order)] });
  const { code } = await app.exited;
  if (code !== 0)
    throw new SallyportError('bench_load_failed', `The load ended with exit code ${code}:\n${app.output()}`);
  return Measured.parse(JSON.parse(app.stdout()));
}

async function bench(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      smoke: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds ?? (values.smoke ? 3 : 5));
  const load = {
    connections: Number(values.connections ?? 32),
    seconds: Number(values.seconds ?? (values.smoke ? 2 : 6)),
    warmUpSeconds: values.smoke ? 1 : 2,
  };

  const upstream = await start('upstream');
  const bareProxy = await start('bare-proxy', upstream.url);
  const gateway = await startGatewayPath(upstream.url);
  try {
    process.stdout.write(`${rounds} rounds of ${load.seconds} s each, ${load.connections} connections, interleaved\n`);
    const bare: Round[] = [];
    const whole: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      bare.push(await measure({ ...load, url: bareProxy.url, ...callTool('echo') }));
      whole.push(await measure({ ...load, url: gateway.url, ...callTool(gateway.tool, gateway.token) }));
    }
    const verdict = compare(
      summarise('bare Fastify + undici proxy', bare),
      summarise('Sallyport, everything on', whole),
      values.smoke ? least.smoke : least.whole,
    );
    process.stdout.write(`${verdict.text}\n`);
    return verdict.passed;
  } finally {
    await Promise.all([gateway.stop(), bareProxy.app.stop(), upstream.app.stop()]);
  }
}

const [role = '', argument = ''] = process.argv.slice(2);
const run = roles[role];
if (run !== undefined) await run(argument);
else if (!(await bench(process.argv.slice(2)))) process.exitCode = 1;
