import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { Database } from '@sallyport/database';
import { Serve } from '../../admin/serve.js';
import { readCallStats } from './call-stats.js';

export const CALLS_DATABASE = Symbol('CallsDatabase');

/** Tells how many calls there were, what came of them and how long they took (R77). */
@Controller()
export class CallStatsController {
  constructor(@Inject(CALLS_DATABASE) private readonly database: Pick<Database, '$queryRaw'>) {}

  @Serve(routes.readCallStats)
  async read({ query }: Asked<'readCallStats'>): Promise<Answered<'readCallStats'>> {
    return readCallStats(this.database, query);
  }
}
