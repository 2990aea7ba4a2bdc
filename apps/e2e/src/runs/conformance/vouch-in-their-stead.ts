import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import type { ConfiguredServer } from '../../system/servers-configuration.js';

/** An extension, which the suite runs and does not score. */
export const CROSS_APP_ACCESS = 'auth/enterprise-managed-authorization';

export interface Vouching {
  readonly credential: Pick<ConfiguredServer, 'credential' | 'client' | 'exchangedAt'>;
  close(): Promise<void>;
}

const Context = z.object({
  client_id: z.string(),
  client_secret: z.string(),
  idp_id_token: z.string(),
  idp_token_endpoint: z.url(),
});
const ProtectedResource = z.object({ authorization_servers: z.tuple([z.string()]) });

/**
 * The suite's identity provider lets nobody sign in: it hands its client an ID token. Ours is of the demonstration's
 * provider, and is exchanged here: for whoever shows one, this asks the suite's provider with the suite's, and leaves
 * everything else of the request as it came.
 */
export async function vouchInTheirStead(
  serverUrl: string,
  context: Readonly<Record<string, unknown>>,
  secretFile: string,
): Promise<Vouching> {
  const theirs = Context.parse(context);
  const { origin, pathname } = new URL(serverUrl);
  const {
    authorization_servers: [issuer],
  } = ProtectedResource.parse(await (await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`)).json());
  writeFileSync(secretFile, theirs.client_secret, { mode: 0o600 });
  const exchange = async (body: string): Promise<Response> => {
    const form = new URLSearchParams(body);
    const { aud } = decodeJwt(form.get('subject_token') ?? '');
    if (aud !== 'sallyport') throw new Error('this is no ID token for our client');
    form.set('subject_token', theirs.idp_id_token);
    return fetch(theirs.idp_token_endpoint, { method: 'POST', body: form });
  };
  const server = createServer((request, response) => {
    text(request)
      .then(exchange)
      .then(async (answer) =>
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text()),
      )
      .catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    credential: {
      credential: 'id-jag',
      client: { issuer, clientId: theirs.client_id, secretFile },
      exchangedAt: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
