import { Module, type DynamicModule } from '@nestjs/common';
import { PostgresEventStore } from './event-store.js';
import { EventsController } from './events.controller.js';
import { LIFECYCLE } from './lifecycle-token.js';
import type { RecordEvent } from '@sallyport/trail';

/** The trail: reading it, and recording what administrators do. */
@Module({})
export class TrailModule {
  static of(events: PostgresEventStore, lifecycle: RecordEvent): DynamicModule {
    return {
      module: TrailModule,
      controllers: [EventsController],
      providers: [
        { provide: PostgresEventStore, useValue: events },
        { provide: LIFECYCLE, useValue: lifecycle },
      ],
      exports: [PostgresEventStore, LIFECYCLE],
    };
  }
}
