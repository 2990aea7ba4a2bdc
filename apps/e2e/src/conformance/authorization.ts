import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { eventually, freePort, makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { z } from 'zod';
import { Person } from '../agents/person.js';
import type { System } from '../system/system.js';
import { readVerdict, type Verdict } from './verdict.js';

const suite = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')), 'dist', 'index.js');
const Registered = z.object({ client_id: z.string() });

/** The official suite's authorization server scenarios. It asks for a browser by printing a link, which Alice's follows. */
export async function runAuthorizationSet({ issuer, gatewayUrl }: Pick<System, 'issuer' | 'gatewayUrl'>): Promise<Verdict> {
  const port = await freePort();
  const metadata = { client_name: 'Conformance suite', redirect_uris: [`http://127.0.0.1:${port}/callback`], token_endpoint_auth_method: 'none' };
  const registered = await fetch(`${issuer}/register`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(metadata) });
  const { client_id: clientId } = Registered.parse(await registered.json());
  const results = makeScratch('conformance');
  const run = await spawnApp({ entry: suite, args: ['authorization', '--url', issuer, '--client-id', clientId, '--resource', `${gatewayUrl}/mcp`, '-p', String(port), '-o', results] });
  try {
    let ended = false;
    void run.exited.then(() => (ended = true));
    const link = () => /^http\S+\/authorize\?\S+$/m.exec(run.stdout())?.[0];
    await eventually(() => ended || link() !== undefined, { until: 'the suite prints its link' });
    const url = link();
    if (url !== undefined) await new Person('alice', { agentRedirectUri: 'urn:nobody' }).visit(url);
    await eventually(() => ended, { timeoutMs: 30_000, until: 'the suite has ended' });
    return readVerdict(results);
  } finally {
    await run.stop();
    removeScratch(results);
  }
}
