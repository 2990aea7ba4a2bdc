import { Controller, Get, Header, Inject } from '@nestjs/common';

/** RFC 9728 section 2: what an agent needs to find our authorization server. */
export interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly resource_name: string;
}
export const PROTECTED_RESOURCE_METADATA = Symbol('ProtectedResourceMetadata');

export function protectedResourceMetadata({ gatewayUrl, issuer }: { gatewayUrl: string; issuer: string }): ProtectedResourceMetadata {
  return { resource: `${gatewayUrl}/mcp`, authorization_servers: [issuer], bearer_methods_supported: ['header'], resource_name: 'Sallyport MCP gateway' };
}

@Controller()
export class ProtectedResourceController {
  readonly #metadata: ProtectedResourceMetadata;

  constructor(@Inject(PROTECTED_RESOURCE_METADATA) metadata: ProtectedResourceMetadata) {
    this.#metadata = metadata;
  }

  /** Root and path form (RFC 9728 section 3.1); public by nature, so any origin may read it. */
  @Get(['.well-known/oauth-protected-resource', '.well-known/oauth-protected-resource/mcp'])
  @Header('access-control-allow-origin', '*')
  @Header('cache-control', 'public, max-age=300')
  metadata(): ProtectedResourceMetadata {
    return this.#metadata;
  }
}
