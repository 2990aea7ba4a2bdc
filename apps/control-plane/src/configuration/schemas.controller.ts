import { Controller, NotFoundException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { schemaOf } from '@sallyport/declaration';
import { Serve } from '../admin/serve.js';

/** What each kind of document may say in this version. */
@Controller()
export class SchemasController {
  @Serve(routes.readSchema)
  async read({ params: { kind } }: Asked<'readSchema'>): Promise<Answered<'readSchema'>> {
    const schema = schemaOf(kind === 'documents' ? undefined : kind);
    if (schema === undefined) throw new NotFoundException('There is no such kind.');
    return Promise.resolve(schema);
  }
}
