import { Module, type DynamicModule } from '@nestjs/common';
import { ClientMetadataController } from './client-metadata.controller.js';
import { ClientMetadataDocument } from './client-metadata-document.js';
import { ConnectController } from './connect.controller.js';
import { ConnectFlow } from './connect-flow.js';
import { CONNECT_SHARED, ConnectSharedController } from './connect-shared.controller.js';
import type { ConnectParts } from './create-connect-parts.js';

/** The pages with which a user, or everybody, connects an account at a server. */
@Module({})
export class ConnectModule {
  static of({ flow, shared, clientDocument }: ConnectParts, browserSession: DynamicModule): DynamicModule {
    return {
      module: ConnectModule,
      imports: [browserSession],
      controllers: [ConnectSharedController, ConnectController, ClientMetadataController],
      providers: [
        { provide: ConnectFlow, useValue: flow },
        { provide: CONNECT_SHARED, useValue: shared },
        { provide: ClientMetadataDocument, useValue: clientDocument },
      ],
      exports: [ConnectFlow],
    };
  }
}
