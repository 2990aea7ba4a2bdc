import { createNestApp, requestTimeoutFor, type FairTurns } from '@sallyport/http';
import { GatewayModule } from '../gateway.module.js';
import { orderRequests } from '../http/order-requests.js';
import { describeProtectedResource } from '../http/protected-resource.controller.js';
import type { AskedAddress } from '../protocol/asked-address.js';
import type { TokenVerification } from './create-token-verification.js';
import type { Foundation } from './foundation.js';

const CROSS_ORIGIN = {
  exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'],
  allowedHeaders: [
    'Authorization',
    'DPoP',
    'Content-Type',
    'Accept',
    'Mcp-Protocol-Version',
    'Mcp-Method',
    'Mcp-Name',
    'Mcp-Session-Id',
  ],
};

export type GatewayApp = Awaited<ReturnType<typeof createNestApp>>;

/** The HTTP side with its metadata documents; `/mcp` is added by `serveMcp`. It does not listen yet. */
export function createGatewayApp(
  { config, logger, metrics, clock, snapshot }: Foundation,
  { verifier, issuerMetadata }: TokenVerification,
  turns: FairTurns,
  askedAddress: (host: string, url: string | undefined) => AskedAddress,
): Promise<GatewayApp> {
  const describe = (host: string, url: string | undefined) =>
    describeProtectedResource(askedAddress(host, url), config.issuer, snapshot());
  return createNestApp(GatewayModule.with(describe, issuerMetadata), {
    publicDocuments: ['/.well-known/'],
    otherSpellings: 'serve',
    ignoreTrailingSlash: true,
    logger,
    publicUrl: config.gatewayUrl,
    trustedProxies: config.trustedProxies,
    metrics,
    clock,
    order: orderRequests(turns, verifier),
    limits: { maxConnections: config.maxConnections, requestTimeoutMs: requestTimeoutFor(config.maxBodyBytes) },
    cors: { origins: config.allowedOrigins, ...CROSS_ORIGIN },
  });
}
