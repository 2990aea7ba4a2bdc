import { Module, type DynamicModule } from '@nestjs/common';
import { describeApi } from '@sallyport/admin-api/openapi';
import { PRODUCT_VERSION } from '@sallyport/kernel';
import { API_DESCRIPTION, ApiReferenceController } from './api-reference.controller.js';

/** What the administrators' API is, for whoever writes a program for it. */
@Module({})
export class ApiReferenceModule {
  /** @param url the control plane's public address */
  static of(url: string): DynamicModule {
    return {
      module: ApiReferenceModule,
      controllers: [ApiReferenceController],
      providers: [{ provide: API_DESCRIPTION, useFactory: () => describeApi({ version: PRODUCT_VERSION, url }) }],
    };
  }
}
