import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered } from '@sallyport/admin-api';
import { Serve } from '../admin/serve.js';
import { PostgresDocumentStore } from './document-store.js';

/** Reads the configuration as administrators wrote it. */
@Controller()
export class ConfigurationController {
  constructor(@Inject(PostgresDocumentStore) private readonly documents: PostgresDocumentStore) {}

  @Serve(routes.readConfiguration)
  async read(): Promise<Answered<'readConfiguration'>> {
    const { epoch, revision, documents } = await this.documents.complete();
    return { epoch, revision, documents };
  }
}
