import { Module, type DynamicModule } from '@nestjs/common';
import { WRITES, type WriteParts } from './answer-write.js';
import { ChangeSetsController } from './change-sets.controller.js';
import { DocumentReader } from './change-sets/document-reader.js';
import { ConfigurationController } from './configuration.controller.js';
import { ConfigurationPublisher } from './configuration-publisher.js';
import { PostgresDocumentStore } from './document-store.js';
import { DocumentsController } from './documents.controller.js';
import { SchemasController } from './schemas.controller.js';

export interface ConfigurationModuleParts {
  readonly documents: PostgresDocumentStore;
  readonly reader: DocumentReader;
  readonly publisher: ConfigurationPublisher;
  readonly writes: WriteParts;
}

/** The configuration as it is stored, and how a change of it gets onto the bus. */
@Module({})
export class ConfigurationModule {
  static of({ documents, reader, publisher, writes }: ConfigurationModuleParts): DynamicModule {
    return {
      module: ConfigurationModule,
      controllers: [ConfigurationController, DocumentsController, ChangeSetsController, SchemasController],
      providers: [
        { provide: PostgresDocumentStore, useValue: documents },
        { provide: DocumentReader, useValue: reader },
        { provide: ConfigurationPublisher, useValue: publisher },
        { provide: WRITES, useValue: writes },
      ],
      exports: [PostgresDocumentStore, DocumentReader, ConfigurationPublisher, WRITES],
    };
  }
}
