import { Module, type DynamicModule } from '@nestjs/common';
import { API_RESOURCE, ResourceMetadataController, type ApiResource } from './resource-metadata.controller.js';
import { SelfController } from './self.controller.js';

/** What the API says of itself, and of who asks. */
@Module({})
export class AdminModule {
  static of(api: ApiResource): DynamicModule {
    return {
      module: AdminModule,
      controllers: [ResourceMetadataController, SelfController],
      providers: [{ provide: API_RESOURCE, useValue: api }],
    };
  }
}
