import { Module, type DynamicModule } from '@nestjs/common';
import { ConfigurationController } from './configuration.controller.js';
import { ConfigurationPublisher } from './configuration-publisher.js';
import { PostgresDocumentStore } from './document-store.js';

/** The configuration as it is stored, and how a change of it gets onto the bus. */
@Module({})
export class ConfigurationModule {
  static of(documents: PostgresDocumentStore, publisher: ConfigurationPublisher): DynamicModule {
    return {
      module: ConfigurationModule,
      controllers: [ConfigurationController],
      providers: [
        { provide: PostgresDocumentStore, useValue: documents },
        { provide: ConfigurationPublisher, useValue: publisher },
      ],
      exports: [PostgresDocumentStore, ConfigurationPublisher],
    };
  }
}
