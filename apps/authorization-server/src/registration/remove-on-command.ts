import { verifyCommand } from '@sallyport/configuration/log';
import type { Clock } from '@sallyport/kernel';
import { SignedCommandWire, type CommandAnswer } from '@sallyport/messages';
import type { JWK } from 'jose';
import type { DynamicRegistrations } from '../storage/dynamic-registrations.js';

export interface RemovalContext {
  readonly registrations: Pick<DynamicRegistrations, 'remove'>;
  /** The pinned public key of the control plane. */
  readonly commandKey: JWK;
  readonly clock: Clock;
}

/**
 * Removes a registration at an administrator's command, which only the control plane can send (S26) and sign. A command
 * that comes twice removes nothing more.
 * @param payload as the bus delivered it
 */
export async function removeOnCommand(
  payload: unknown,
  { registrations, commandKey, clock }: RemovalContext,
): Promise<CommandAnswer> {
  const wire = SignedCommandWire.safeParse(payload);
  const command = wire.success
    ? await verifyCommand(wire.data.command, 'remove-registration', commandKey, clock)
    : undefined;
  if (!command) return { v: 1, outcome: 'refused' };
  await registrations.remove(command.clientId, 'removed by an administrator');
  return { v: 1, outcome: 'done' };
}
