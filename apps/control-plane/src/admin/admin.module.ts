import { Module, type DynamicModule } from '@nestjs/common';
import { API_RESOURCE, ResourceMetadataController, type ApiResource } from './resource-metadata.controller.js';

/** What the API says of itself. */
@Module({})
export class AdminModule {
  static of(api: ApiResource): DynamicModule {
    return {
      module: AdminModule,
      controllers: [ResourceMetadataController],
      providers: [{ provide: API_RESOURCE, useValue: api }],
    };
  }
}
