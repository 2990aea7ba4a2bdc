import type { FastifyInstance, FastifyReply } from 'fastify';
import type { IssuerMetadata } from './issuer-metadata.js';
import type { ProtectedResourceMetadata } from './protected-resource.js';

export interface MetadataDocuments {
  /** Of the host and the target of a request for it. */
  readonly protectedResource: (host: string, url: string | undefined) => ProtectedResourceMetadata;
  readonly issuer: IssuerMetadata;
}

const RETRY_AFTER_SECONDS = 5;

/**
 * Serves the two metadata documents that agents begin with, to pages of any origin. Each has a root and a path form
 * (RFC 8414 section 3, RFC 9728 section 3.1): whether there is such a server is nothing to tell here, so unknown names
 * answer alike.
 */
export function serveMetadata(fastify: FastifyInstance, { protectedResource, issuer }: MetadataDocuments): void {
  for (const name of ['/mcp/:server', '/mcp', '']) {
    // Each with the address that was asked as its resource: strict agents compare the two (RFC 9728 section 3.3).
    // Tokens are for the gateway as a whole all the same, and the authorization server takes each of these names.
    fastify.get(`/.well-known/oauth-protected-resource${name}`, (request, reply) => {
      void reply
        .header('access-control-allow-origin', '*') // to whoever asks: caches in between keep it for everybody
        .header('cache-control', 'public, max-age=300')
        .send(protectedResource(request.host, request.raw.url));
    });
    // Agents of 2025-03-26 (authorization, section 2.3.2) take a server's origin for its authorization server; newer
    // ones follow the protected-resource metadata.
    fastify.get(`/.well-known/oauth-authorization-server${name}`, (_request, reply) => answerIssuer(issuer, reply));
  }
}

async function answerIssuer(issuer: IssuerMetadata, reply: FastifyReply): Promise<void> {
  void reply.header('access-control-allow-origin', '*');
  const document = await issuer.read();
  if (document) return void reply.header('cache-control', 'public, max-age=60').send(document);
  const error = {
    error: 'temporarily_unavailable',
    error_description: 'the authorization server cannot be asked now: try again in a few seconds',
  };
  void reply
    .status(503)
    .header('retry-after', String(RETRY_AFTER_SECONDS))
    .header('cache-control', 'no-store')
    .send(error);
}
