import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { verifyCommand } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import { SignedCommandWire, subjects, type CommandAnswer } from '@sallyport/messages';
import type { JWK } from 'jose';
import type { DynamicRegistrations } from '../storage/dynamic-registrations.js';
import { CLOCK, COMMAND_KEY, REGISTRATIONS } from '../tokens.js';

/** The administrator's command, which only the control plane can send (S26) and sign. Doing it twice is doing it once. */
@Controller()
export class RemoveRegistrationController {
  constructor(
    @Inject(REGISTRATIONS) private readonly registrations: DynamicRegistrations,
    @Inject(COMMAND_KEY) private readonly key: JWK,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @MessagePattern(subjects.removeRegistration)
  async remove(@Payload() payload: unknown): Promise<CommandAnswer> {
    const wire = SignedCommandWire.safeParse(payload);
    const command = wire.success
      ? await verifyCommand(wire.data.command, 'remove-registration', this.key, this.clock)
      : undefined;
    if (!command) return { v: 1, outcome: 'refused' };
    await this.registrations.remove(command.clientId, 'removed by an administrator');
    return { v: 1, outcome: 'done' };
  }
}
