import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Document } from '@sallyport/configuration';
import type { GatewayAdapters, GatewayConfig } from '../../index.js';
import { startGatewayWorld } from './gateway-world.js';
import type { GatewayWorld } from './gateway-world.js';

/** A gateway in front of one server, `big`, of which everybody may use every tool. */
export async function startBigServerWorld(
  http: Server,
  headers: Record<string, string> = {},
  overrides: Partial<GatewayConfig> = {},
  files?: GatewayAdapters['files'],
): Promise<GatewayWorld> {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const world = await startGatewayWorld(
    [
      Document.parse({
        kind: 'OutboundNetwork',
        name: 'default',
        spec: { allow: [{ host: '127.0.0.1', http: true }] },
      }),
      Document.parse({
        kind: 'McpServer',
        name: 'big',
        spec: { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`, timeout: '60s' },
      }),
      Document.parse({ kind: 'CredentialProvider', name: 'big', spec: { type: 'none', server: 'big' } }),
      Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
      Document.parse({
        kind: 'AccessPolicy',
        name: 'big',
        spec: { hop: 'gateway-to-server', server: 'big', credentialProvider: 'big', tools: [{ match: ['*'] }] },
      }),
    ],
    overrides,
    files === undefined ? {} : { files },
  );
  world.leasing = () => ({
    type: 'granted',
    headers,
    connectionId: null,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
  return {
    ...world,
    async close() {
      await world.close();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}
