import { eventually, freePort } from '@sallyport/testing';
import { z } from 'zod';
import { Person } from '../../agents/person.js';
import type { System } from '../../system/system.js';
import { runSuite } from './suite.js';
import type { Verdicts } from './verdict.js';

const Registered = z.object({ client_id: z.string() });

/**
 * The official suite's authorization server scenarios. It asks for a browser by printing a link, which Alice's follows.
 */
export async function runAuthorizationScenarios({
  issuer,
  gatewayUrl,
}: Pick<System, 'issuer' | 'gatewayUrl'>): Promise<Verdicts> {
  const port = await freePort();
  const metadata = {
    client_name: 'Conformance suite',
    redirect_uris: [`http://127.0.0.1:${port}/callback`],
    token_endpoint_auth_method: 'none',
  };
  const registered = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  });
  const { client_id: clientId } = Registered.parse(await registered.json());
  return await runSuite(
    ['authorization', '--url', issuer, '--client-id', clientId, '--resource', `${gatewayUrl}/mcp`, '-p', String(port)],
    async (run) => {
      let ended = false;
      void run.exited.then(() => (ended = true));
      const link = () => /^http\S+\/authorize\?\S+$/m.exec(run.stdout())?.[0];
      await eventually(() => ended || link() !== undefined, { until: 'the suite prints its link' });
      const url = link();
      if (url !== undefined) await new Person('alice', { agentRedirectUri: 'urn:nobody' }).visit(url);
      await eventually(() => ended, { timeoutMs: 30_000, until: 'the suite has ended' });
    },
  );
}
