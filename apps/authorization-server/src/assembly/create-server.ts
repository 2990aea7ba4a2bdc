import { SallyportError } from '@sallyport/kernel';
import { AuthorizationSteps } from '../interaction/authorization-steps.js';
import { ONLY_WHAT_IS_MISSING } from '../keys/rotation-policy.js';
import { SigningKeyKeeper } from '../keys/signing-key-keeper.js';
import { SigningKeys } from '../keys/signing-keys.js';
import { SignOut } from '../sign-out/sign-out.js';
import { createEntitlements } from './create-entitlements.js';
import { createOutbound } from './create-outbound.js';
import { createRotatingEngine } from './create-rotating-engine.js';
import { createSignIns } from './create-sign-ins.js';
import { createStorage } from './create-storage.js';
import { engineDecisions } from './engine-decisions.js';
import type { Foundation } from './foundation.js';
import { periodicWork } from './periodic-work.js';
import { requestHandlers } from './request-handlers.js';

export type AuthorizationServer = Awaited<ReturnType<typeof createServer>>;

/**
 * Puts the server together, once. It listens to nobody yet.
 * @throws SallyportError `database_unusable`
 */
export async function createServer(foundation: Foundation) {
  const { config, database, vault, configuration, recorder, logger, clock } = foundation;
  const { record } = recorder;
  const derivationSecret = await vault.derivationSecret();
  const signingKeys = new SigningKeys({ database, sealer: vault.sealer, clock });
  await signingKeys.keepUp(ONLY_WHAT_IS_MISSING).catch(asDatabaseProblem);

  const storage = createStorage(foundation);
  const outbound = createOutbound(foundation, storage);
  const signIns = createSignIns(foundation, storage, outbound, derivationSecret);
  const entitlements = createEntitlements(foundation, storage, outbound, signIns);
  const engine = createRotatingEngine(foundation, {
    storage,
    outbound,
    decisions: engineDecisions(foundation, storage, outbound, entitlements),
    derivationSecret,
    signingKeys: await signingKeys.forAccessTokens(),
  });
  const keeper = new SigningKeyKeeper({ keys: signingKeys, engine, configuration, record });

  const { identities, users, sessions, endIdentitySessions } = storage;
  const { providers, signIn, binding, backChannel } = signIns;
  const { admissions, keys } = entitlements;
  const { limits } = outbound;
  const people = { engine, configuration, users, binding, record };
  const steps = new AuthorizationSteps({
    ...people,
    admissions,
    signIn,
    sessions,
    limits,
    clock,
    accountUrl: `${config.controlPlaneUrl}/account`,
  });
  const signOut = new SignOut({
    ...people,
    issuer: config.issuer,
    returnTo: `${config.controlPlaneUrl}/session/ended`,
    providers,
    identities,
    endIdentitySessions,
    logger,
  });
  return {
    engine,
    keeper,
    limits,
    work: periodicWork(foundation, storage, signIns),
    requestHandlers: requestHandlers(foundation, storage, signIns, keeper),
    /** What the controllers are given. */
    controllers: { steps, binding, signIn, signOut, backChannel, keys, configuration, recorder, logger },
  };
}

/** The first statements of a start: what fails here is the database, or a key that is not this database's. */
export function asDatabaseProblem(cause: unknown): never {
  if (cause instanceof SallyportError) throw cause;
  throw new SallyportError('database_unusable', 'The database cannot be used: it must be reachable and migrated.', {
    cause,
  });
}
