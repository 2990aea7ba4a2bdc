import { SignInExchanges } from '../exchange/sign-in-exchanges.js';
import { BrowserBinding } from '../federation/browser-binding.js';
import { IdentityRechecks } from '../federation/identity-rechecks.js';
import { SignIn } from '../federation/sign-in.js';
import { TrustProviders } from '../federation/trust-providers.js';
import { BackChannelLogout } from '../sign-out/back-channel-logout.js';
import type { Outbound } from './create-outbound.js';
import type { Storage } from './create-storage.js';
import type { Foundation } from './foundation.js';

export type SignIns = ReturnType<typeof createSignIns>;

/** People: their sign-in at an identity provider, what becomes of it, and how it ends there. */
export function createSignIns(
  { config, configuration, recorder, logger, clock }: Foundation,
  { store, users, sessions, identities, secrets, endSession, endIdentitySessions }: Storage,
  { fetch, issuerKeys }: Outbound,
  /** From which the keys of this server's replicas are derived. */
  derivationSecret: ConstructorParameters<typeof BrowserBinding>[0],
) {
  const secret = (name: string) => secrets.find(name);
  const providers = new TrustProviders({ issuer: config.issuer, fetch, secret, clock, logger });
  const rechecks = new IdentityRechecks({
    configuration,
    providers,
    identities,
    users,
    endIdentitySessions,
    clock,
    logger,
  });
  return {
    providers,
    rechecks,
    signIn: new SignIn({ store, providers, users, identities, clock }),
    binding: new BrowserBinding(derivationSecret, { secure: config.issuer.startsWith('https:') }),
    exchanges: new SignInExchanges({
      configuration,
      sessions,
      identities,
      rechecks,
      providers,
      endSession,
      secret,
      fetch,
      clock,
    }),
    backChannel: new BackChannelLogout({
      providers,
      identities,
      store,
      endIdentitySessions,
      record: recorder.record,
      keys: issuerKeys,
      clock,
      logger,
    }),
  };
}
