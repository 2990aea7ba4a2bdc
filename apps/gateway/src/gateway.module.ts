import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { DESCRIBE_PROTECTED_RESOURCE, ProtectedResourceController } from './http/protected-resource.controller.js';
import type { DescribeProtectedResource } from './http/protected-resource.controller.js';

/** The gateway's Nest side: metadata. `/mcp` itself is a raw route (`http/serve-mcp.ts`) that `start-gateway.ts` adds. */
@Module({})
export class GatewayModule {
  static with(describe: DescribeProtectedResource): DynamicModule {
    return {
      module: GatewayModule,
      controllers: [ProtectedResourceController],
      providers: [{ provide: DESCRIBE_PROTECTED_RESOURCE, useValue: describe }],
    };
  }
}
