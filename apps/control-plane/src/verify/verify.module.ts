import { Module, type DynamicModule } from '@nestjs/common';
import type { VerifyContext } from './context.js';
import { VERIFY_CONTEXT, VerifyController } from './verify.controller.js';

/** Whether the deployment works, step by step, and whose move it is where it does not (R72). */
@Module({})
export class VerifyModule {
  static of(context: VerifyContext): DynamicModule {
    return {
      module: VerifyModule,
      controllers: [VerifyController],
      providers: [{ provide: VERIFY_CONTEXT, useValue: context }],
    };
  }
}
