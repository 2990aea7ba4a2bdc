import { Controller, Inject } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { verifyCommand, type ConfigurationReplica } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import { SignedCommandWire, subjects, type CommandAnswer } from '@sallyport/messages';
import type { JWK } from 'jose';
import { CLOCK, COMMAND_KEY, CONFIGURATION, SIGNING_KEY_KEEPER } from '../tokens.js';
import type { SigningKeyKeeper } from './signing-key-keeper.js';

/** The administrator's command, which only the control plane can send (S26) and sign. */
@Controller()
export class RotateSigningKeysController {
  constructor(
    @Inject(SIGNING_KEY_KEEPER) private readonly keeper: SigningKeyKeeper,
    @Inject(CONFIGURATION) private readonly configuration: ConfigurationReplica,
    @Inject(COMMAND_KEY) private readonly key: JWK,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @MessagePattern(subjects.rotateSigningKeys)
  async rotate(@Payload() payload: unknown): Promise<CommandAnswer> {
    const wire = SignedCommandWire.safeParse(payload);
    const command = wire.success
      ? await verifyCommand(wire.data.command, 'rotate-signing-keys', this.key, this.clock)
      : undefined;
    if (!command) return { v: 1, outcome: 'refused' };
    const { ready, stale } = this.configuration.state();
    if (!ready || stale) return { v: 1, outcome: 'not_ready' };
    await this.keeper.rotate(command.purposes, command.olderThan);
    return { v: 1, outcome: 'done' };
  }
}
