import { Controller, Get, Inject } from '@nestjs/common';
import { PostgresDocumentStore } from './document-store.js';

@Controller('v1/configuration')
export class ConfigurationController {
  constructor(@Inject(PostgresDocumentStore) private readonly documents: PostgresDocumentStore) {}

  /** The newest revision and its documents. They name where secrets are read, and hold none. */
  @Get()
  async read() {
    const { epoch, revision, documents } = await this.documents.complete();
    return { epoch, revision, documents };
  }
}
