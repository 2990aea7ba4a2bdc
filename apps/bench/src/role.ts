import { once } from 'node:events';

/**
 * What is a process of its own, so that no subject shares its event loop with the load or the upstream. Each loads only
 * what it needs: `node role.js upstream`.
 */
const roles: Readonly<Record<string, (argument: string) => Promise<string>>> = {
  upstream: async () => {
    const { createUpstream } = await import('./subjects/upstream.js');
    const server = createUpstream().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('an upstream without a port');
    return `http://127.0.0.1:${address.port}\n`;
  },
  'bare-proxy': async (upstream) => {
    const { createBareProxy } = await import('./subjects/bare-proxy.js');
    return `${await createBareProxy(upstream).listen({ port: 0, host: '127.0.0.1' })}\n`;
  },
  'node-load': async (file) => {
    const { runNodeLoad } = await import('./load/run-node-load.js');
    return JSON.stringify(await runNodeLoad(file));
  },
};

const [role = '', argument = ''] = process.argv.slice(2);
const run = roles[role];
if (run === undefined) throw new TypeError(`There is no role ${role}.`);
process.stdout.write(await run(argument));
