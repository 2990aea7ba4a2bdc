import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { IssuerMetadata } from './issuer-metadata.js';

export const ISSUER_METADATA = Symbol('IssuerMetadata');
const RETRY_AFTER_SECONDS = 5;

/**
 * The metadata of our authorization server, at the gateway's own origin. Agents of 2025-03-26 (authorization, section
 * 2.3.2) take a server's origin for its authorization server; newer ones follow the protected-resource metadata.
 */
@Controller()
export class AuthorizationServerMetadataController {
  constructor(@Inject(ISSUER_METADATA) private readonly metadata: IssuerMetadata) {}

  @Get([
    '.well-known/oauth-authorization-server',
    '.well-known/oauth-authorization-server/mcp',
    '.well-known/oauth-authorization-server/mcp/:server',
  ])
  async read(@Res() reply: FastifyReply): Promise<void> {
    void reply.header('access-control-allow-origin', '*');
    const document = await this.metadata.read();
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
}
