import { Module, type DynamicModule } from '@nestjs/common';
import type { StatusContext } from './read-status.js';
import { STATUS_CONTEXT, StatusController } from './status.controller.js';

/** How the deployment is: which processes run, what they apply, and what they stand on. */
@Module({})
export class StatusModule {
  static of(context: StatusContext): DynamicModule {
    return {
      module: StatusModule,
      controllers: [StatusController],
      providers: [{ provide: STATUS_CONTEXT, useValue: context }],
    };
  }
}
