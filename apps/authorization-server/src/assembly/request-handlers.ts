import { subjects } from '@sallyport/messages';
import type { RequestHandler } from '@sallyport/messaging';
import { createExchangeResponder } from '../exchange/answer-exchange-request.js';
import { rotateOnCommand } from '../keys/rotate-on-command.js';
import type { SigningKeyKeeper } from '../keys/signing-key-keeper.js';
import { removeOnCommand } from '../registration/remove-on-command.js';
import type { SignIns } from './create-sign-ins.js';
import type { Storage } from './create-storage.js';
import type { Foundation } from './foundation.js';

/** What the control plane may ask over the bus: a handler for each subject. */
export function requestHandlers(
  { configurationKey, configuration, vault, exchangeAdmission, clock }: Foundation,
  { registrations }: Pick<Storage, 'registrations'>,
  { exchanges }: Pick<SignIns, 'exchanges'>,
  keeper: SigningKeyKeeper,
): Readonly<Record<string, RequestHandler>> {
  const commands = { commandKey: configurationKey, clock };
  return {
    [subjects.rotateSigningKeys]: (payload) => rotateOnCommand(payload, { keeper, configuration, ...commands }),
    [subjects.removeRegistration]: (payload) => removeOnCommand(payload, { registrations, ...commands }),
    [subjects.exchangeSignIn]: createExchangeResponder({
      exchanges,
      configuration,
      controlPlaneKey: configurationKey,
      sealer: vault.sealer,
      admission: exchangeAdmission,
      clock,
    }),
  };
}
