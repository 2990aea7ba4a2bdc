import { answerProblems, createListener, requestTimeoutFor, type AppListener, type FairTurns } from '@sallyport/http';
import { keepCertificate } from '@sallyport/process';
import { orderRequests } from '../http/order-requests.js';
import { describeProtectedResource } from '../http/protected-resource.js';
import { serveMetadata } from '../http/serve-metadata.js';
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

/** The HTTP side with its metadata documents; `/mcp` is added by `serveMcp`. It does not listen yet. */
export function createGatewayListener(
  { config, logger, metrics, clock, snapshot, scope }: Foundation,
  { verifier, issuerMetadata }: TokenVerification,
  turns: FairTurns,
  askedAddress: (host: string, url: string | undefined) => AskedAddress,
): AppListener {
  const listener = createListener({
    publicDocuments: ['/.well-known/'],
    otherSpellings: 'serve',
    ignoreTrailingSlash: true,
    logger,
    publicUrl: config.gatewayUrl,
    trustedProxies: config.trustedProxies,
    certificate: keepCertificate(scope, config.certificateFiles, { logger, clock }),
    metrics,
    clock,
    order: orderRequests(turns, verifier),
    limits: { maxConnections: config.maxConnections, requestTimeoutMs: requestTimeoutFor(config.maxBodyBytes) },
    cors: { origins: config.allowedOrigins, ...CROSS_ORIGIN },
  });
  answerProblems(listener.fastify, { logger });
  serveMetadata(listener.fastify, {
    protectedResource: (host, url) => describeProtectedResource(askedAddress(host, url), config.issuer, snapshot()),
    issuer: issuerMetadata,
  });
  return listener;
}
