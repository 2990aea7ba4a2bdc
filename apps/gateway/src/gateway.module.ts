import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { PROTECTED_RESOURCE_METADATA, ProtectedResourceController } from './http/protected-resource.controller.js';
import type { ProtectedResourceMetadata } from './http/protected-resource.controller.js';

/** The gateway's Nest side: metadata. `/mcp` itself is a raw route (`http/serve-mcp.ts`) that `start-gateway.ts` adds. */
@Module({})
export class GatewayModule {
  static with(metadata: ProtectedResourceMetadata): DynamicModule {
    return { module: GatewayModule, controllers: [ProtectedResourceController], providers: [{ provide: PROTECTED_RESOURCE_METADATA, useValue: metadata }] };
  }
}
