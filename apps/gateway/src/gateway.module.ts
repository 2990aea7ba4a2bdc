import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import {
  AuthorizationServerMetadataController,
  ISSUER_METADATA,
} from './http/authorization-server-metadata.controller.js';
import { DESCRIBE_PROTECTED_RESOURCE, ProtectedResourceController } from './http/protected-resource.controller.js';
import type { DescribeProtectedResource } from './http/protected-resource.controller.js';
import type { IssuerMetadata } from './http/issuer-metadata.js';

/**
 * The gateway's Nest side: metadata. `/mcp` itself is a raw route (`http/serve-mcp.ts`) that `start-gateway.ts` adds.
 */
@Module({})
export class GatewayModule {
  static with(describe: DescribeProtectedResource, issuerMetadata: IssuerMetadata): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [ProtectedResourceController, AuthorizationServerMetadataController],
      providers: [
        { provide: DESCRIBE_PROTECTED_RESOURCE, useValue: describe },
        { provide: ISSUER_METADATA, useValue: issuerMetadata },
      ],
    };
  }
}
