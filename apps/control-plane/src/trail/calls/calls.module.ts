import { Module, type DynamicModule } from '@nestjs/common';
import type { Database } from '@sallyport/database';
import { CALLS_DATABASE, CallStatsController } from './call-stats.controller.js';

/** Counts of calls, as administrators read them. */
@Module({})
export class CallsModule {
  static of(database: Pick<Database, '$queryRaw'>): DynamicModule {
    return {
      module: CallsModule,
      controllers: [CallStatsController],
      providers: [{ provide: CALLS_DATABASE, useValue: database }],
    };
  }
}
