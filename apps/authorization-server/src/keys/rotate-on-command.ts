import type { ConfigurationReplica } from '@sallyport/configuration';
import { verifyCommand } from '@sallyport/configuration/log';
import type { Clock } from '@sallyport/kernel';
import { SignedCommandWire, type CommandAnswer } from '@sallyport/messages';
import type { JWK } from 'jose';
import type { SigningKeyKeeper } from './signing-key-keeper.js';

export interface RotationContext {
  readonly keeper: Pick<SigningKeyKeeper, 'rotate'>;
  readonly configuration: Pick<ConfigurationReplica, 'state'>;
  /** The pinned public key of the control plane. */
  readonly commandKey: JWK;
  readonly clock: Clock;
}

/**
 * Rotates the signing keys at an administrator's command, which only the control plane can send (S26) and sign.
 * @param payload as the bus delivered it
 */
export async function rotateOnCommand(
  payload: unknown,
  { keeper, configuration, commandKey, clock }: RotationContext,
): Promise<CommandAnswer> {
  const wire = SignedCommandWire.safeParse(payload);
  const command = wire.success
    ? await verifyCommand(wire.data.command, 'rotate-signing-keys', commandKey, clock)
    : undefined;
  if (!command) return { v: 1, outcome: 'refused' };
  const { ready, stale } = configuration.state();
  if (!ready || stale) return { v: 1, outcome: 'not_ready' };
  await keeper.rotate(command.purposes, command.olderThan);
  return { v: 1, outcome: 'done' };
}
