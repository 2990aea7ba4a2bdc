import { Module, type DynamicModule } from '@nestjs/common';
import { LOG_STREAMS_CONTEXT, LogStreamsController, type LogStreamsContext } from './log-streams.controller.js';

/** Log streams, as administrators look after them. */
@Module({})
export class LogStreamsModule {
  static of(context: LogStreamsContext): DynamicModule {
    return {
      module: LogStreamsModule,
      controllers: [LogStreamsController],
      providers: [{ provide: LOG_STREAMS_CONTEXT, useValue: context }],
    };
  }
}
