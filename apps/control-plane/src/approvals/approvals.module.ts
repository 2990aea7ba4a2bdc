import { Module, type DynamicModule } from '@nestjs/common';
import { ToolDefinitionsController } from './tool-definitions.controller.js';

/** What administrators approve of servers' tools. */
@Module({})
export class ApprovalsModule {
  /** @param imports the configuration, which holds approvals, and the trail, which has what servers list */
  static of(imports: DynamicModule[]): DynamicModule {
    return { module: ApprovalsModule, imports, controllers: [ToolDefinitionsController] };
  }
}
