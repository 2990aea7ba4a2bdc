import { Module, type DynamicModule } from '@nestjs/common';
import {
  AGENT_REGISTRATIONS_CONTEXT,
  AgentRegistrationsController,
  type AgentRegistrationsContext,
} from './agent-registrations.controller.js';
import {
  AGENT_SESSION_LIST,
  AgentSessionsController,
  type AgentSessionListContext,
} from './agent-sessions.controller.js';

/** What administrators see of agents: their sessions, and those that registered themselves. */
@Module({})
export class AgentsModule {
  static of(sessions: AgentSessionListContext, registrations: AgentRegistrationsContext): DynamicModule {
    return {
      module: AgentsModule,
      controllers: [AgentSessionsController, AgentRegistrationsController],
      providers: [
        { provide: AGENT_SESSION_LIST, useValue: sessions },
        { provide: AGENT_REGISTRATIONS_CONTEXT, useValue: registrations },
      ],
    };
  }
}
