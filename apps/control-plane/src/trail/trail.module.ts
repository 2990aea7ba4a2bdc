import { Module, type DynamicModule } from '@nestjs/common';
import { AUDIT_CONTEXT, AuditController, type AuditContext } from './chain/audit.controller.js';
import { PostgresEventStore } from './event-store.js';
import { EVENTS_CONTEXT, EventsController, type EventsContext } from './events.controller.js';
import { LIFECYCLE } from './lifecycle-token.js';
import {
  EVENT_EXPORTS_CONTEXT,
  EventExportsController,
  type EventExportsContext,
} from './export/event-exports.controller.js';
import type { RecordEvent } from '@sallyport/trail';

/** The trail: reading it, what proves it, and recording what administrators do. */
@Module({})
export class TrailModule {
  static of(
    events: PostgresEventStore,
    reading: EventsContext,
    lifecycle: RecordEvent,
    audit: AuditContext,
    exports: EventExportsContext,
  ): DynamicModule {
    return {
      module: TrailModule,
      controllers: [EventsController, EventExportsController, AuditController],
      providers: [
        { provide: PostgresEventStore, useValue: events },
        { provide: EVENTS_CONTEXT, useValue: reading },
        { provide: LIFECYCLE, useValue: lifecycle },
        { provide: EVENT_EXPORTS_CONTEXT, useValue: exports },
        { provide: AUDIT_CONTEXT, useValue: audit },
      ],
      exports: [PostgresEventStore, LIFECYCLE],
    };
  }
}
