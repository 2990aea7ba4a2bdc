import { Module, type DynamicModule } from '@nestjs/common';
import type { ConfigurationReplica } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { SallyportError, type Clock } from '@sallyport/kernel';
import { createSafeFetch } from '@sallyport/safe-fetch';
import type { Unavailable } from '@sallyport/http';
import type { Logger } from '@sallyport/telemetry';
import type { Vault } from '@sallyport/vault';
import type { JWK } from 'jose';
import { IdentityAssertions } from './assertion/identity-assertion.js';
import { IssuerKeys } from './assertion/issuer-keys.js';
import { WorkloadIdentities } from './assertion/workload-identity.js';
import type { AuthorizationServerConfig } from './config.js';
import { ExchangeSignInController } from './exchange/exchange-sign-in.controller.js';
import { SignInExchanges } from './exchange/sign-in-exchanges.js';
import { createEngine } from './engine/create-engine.js';
import { RotatingEngine } from './engine/rotating-engine.js';
import { AssertionAdmissions } from './entitlement/assertion-admission.js';
import { Admissions } from './entitlement/admission.js';
import { lifetimesOf } from './entitlement/lifetimes.js';
import { MachineAdmissions } from './entitlement/machine-admission.js';
import { TokenStatus } from './entitlement/token-status.js';
import { BrowserBinding, deriveKey } from './federation/browser-binding.js';
import { IdentityRechecks } from './federation/identity-rechecks.js';
import { FederationController } from './federation/federation.controller.js';
import { SignIn } from './federation/sign-in.js';
import { TrustProviders } from './federation/trust-providers.js';
import { AuthorizationSteps } from './interaction/authorization-steps.js';
import { InteractionController } from './interaction/interaction.controller.js';
import { JwksController } from './keys/jwks.controller.js';
import { PublicKeys } from './keys/public-keys.js';
import { RotateSigningKeysController } from './keys/rotate-signing-keys.controller.js';
import { ONLY_WHAT_IS_MISSING } from './keys/rotation-policy.js';
import { SigningKeyKeeper } from './keys/signing-key-keeper.js';
import { SigningKeys } from './keys/signing-keys.js';
import { endOverdueSessions } from './lifecycle/end-overdue-sessions.js';
import { createEndIdentitySessions } from './lifecycle/end-identity-sessions.js';
import { createEndSession } from './lifecycle/end-session.js';
import { engineEvents } from './lifecycle/engine-events.js';
import type { LifecycleRecorder } from './lifecycle/record-lifecycle.js';
import { removeExpired } from './lifecycle/remove-expired.js';
import { reportEndedSessions } from './lifecycle/report-ended-sessions.js';
import { DocumentFetch } from './limits/document-fetch.js';
import { RequestLimits } from './limits/request-limits.js';
import { resolveApart } from './limits/resolve-apart.js';
import { RemoveRegistrationController } from './registration/remove-registration.controller.js';
import { engineErrorPage } from './pages/engine-error-page.js';
import { BackChannelLogout } from './sign-out/back-channel-logout.js';
import { BackChannelLogoutController } from './sign-out/back-channel-logout.controller.js';
import { SignOut } from './sign-out/sign-out.js';
import { SignOutController } from './sign-out/sign-out.controller.js';
import { AdministeredAgents } from './storage/administered-agents.js';
import { AgentSessions } from './storage/agent-sessions.js';
import { ArtifactStore } from './storage/artifact-store.js';
import { DynamicRegistrations } from './storage/dynamic-registrations.js';
import { IdentitySessions } from './storage/identity-sessions.js';
import { StoredSecrets } from './storage/stored-secrets.js';
import { Users } from './storage/users.js';
import {
  AUTHORIZATION_STEPS,
  BACK_CHANNEL_LOGOUT,
  BROWSER_BINDING,
  CLOCK,
  COMMAND_KEY,
  CONFIGURATION,
  ENGINE,
  HOUSEKEEPING,
  ISSUER,
  KEEP_SESSIONS,
  LOGGER,
  PUBLIC_KEYS,
  RECORDER,
  REGISTRATIONS,
  SEALER,
  SIGN_IN,
  SIGN_IN_EXCHANGES,
  SIGN_OUT,
  SIGNING_KEY_KEEPER,
} from './tokens.js';

/** Bytes; the engine is content with less of all but key sets. */
const LARGEST_DOCUMENT = 64 * 1024;

/** What the process brings; everything else is put together below, once, in this order. */
export interface AuthorizationServerParts {
  readonly config: AuthorizationServerConfig;
  readonly vault: Vault;
  /** The pinned public key of the control plane. */
  readonly configurationKey: JWK;
  readonly database: Database;
  readonly configuration: ConfigurationReplica;
  readonly recorder: LifecycleRecorder;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Told apart from failures, by the engine too. */
  readonly unavailable: Pick<Unavailable, 'is' | 'answer'>;
}

/** Longer than a browser of ours stays signed in, the control plane's pages included. */
const SIGN_IN_USEFUL_MS = 10 * 3_600_000;

@Module({})
export class AuthorizationServerModule {
  static async with({
    config,
    vault,
    configurationKey,
    database,
    configuration,
    recorder,
    logger,
    clock,
    unavailable,
  }: AuthorizationServerParts): Promise<DynamicModule> {
    const { sealer } = vault;
    const secret = await vault.derivationSecret();
    const signingKeys = new SigningKeys({ database, sealer, clock });
    await signingKeys.keepUp(ONLY_WHAT_IS_MISSING).catch(asDatabaseProblem);
    const secrets = new StoredSecrets(database, sealer);
    const store = new ArtifactStore(database, sealer, clock);
    const users = new Users(database);
    const sessions = new AgentSessions(database);
    const identities = new IdentitySessions(database, sealer, clock);
    const guard = {
      allow: () => configuration.snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
      userAgent: 'Sallyport',
      extraCertificateAuthorities: config.extraCertificateAuthorities,
    };
    const outbound = createSafeFetch(guard);

    const providers = new TrustProviders({
      issuer: config.issuer,
      fetch: outbound,
      secret: (name) => secrets.find(name),
      clock,
    });
    const signIn = new SignIn({ store, providers, users, identities, clock });
    const binding = new BrowserBinding(secret, { secure: config.issuer.startsWith('https:') });
    const endSession = createEndSession({ store, sessions, record: recorder.record });
    const endIdentitySessions = createEndIdentitySessions({ identities, record: recorder.record });
    const rechecks = new IdentityRechecks({
      configuration,
      providers,
      identities,
      users,
      endIdentitySessions,
      clock,
      logger,
    });
    const exchanges = new SignInExchanges({
      configuration,
      sessions,
      identities,
      rechecks,
      providers,
      endSession,
      secret: (name) => secrets.find(name),
      fetch: outbound,
      clock,
    });
    const admissions = new Admissions({ configuration, users, sessions, endSession, rechecks, clock });
    const machines = new MachineAdmissions({ configuration, sessions, endSession, clock });
    const housekeeping = async () => {
      await removeExpired(database, clock);
      if (configuration.state().ready) await registration.keepUp();
      await identities.endUnused(new Date(clock() - SIGN_IN_USEFUL_MS));
      await endOverdueSessions({ sessions, lifetimes: lifetimesOf(configuration.snapshot()), endSession, clock });
    };
    const keepSessions = async () => {
      recorder.sumUp();
      await reportEndedSessions({ sessions, record: recorder.record, clock });
      if (configuration.state().ready) await rechecks.checkDue();
    };
    const administered = new AdministeredAgents({ configuration, secrets });
    const keys = new PublicKeys({
      database,
      isWithdrawn: (kid) =>
        configuration.state().ready &&
        !configuration.state().stale &&
        configuration.snapshot().revocations.isKeyWithdrawn(kid),
      clock,
    });
    const resource = `${config.gatewayUrl}/mcp`;
    const status = new TokenStatus({ issuer: config.issuer, resource, keys, sessions, configuration, clock });
    const limits = new RequestLimits({ configuration, record: recorder.record, clock });
    const documents = new DocumentFetch({
      fetch: createSafeFetch({ ...guard, maxResponseBytes: LARGEST_DOCUMENT, resolve: resolveApart(guard.allow) }),
      limits,
      isInUse: async (clientId) =>
        configuration.snapshot().get('Agent', clientId) !== undefined || (await sessions.isAgentInUse(clientId)),
      clock,
    });
    const issuerKeys = new IssuerKeys({
      fetch: outbound,
      clock,
      onProblem: (source, err) => logger.warn({ err, source }, 'the keys of an issuer could not be read'),
    });
    const assertions = new IdentityAssertions({
      configuration,
      keys: issuerKeys,
      store,
      issuer: config.issuer,
      resource,
      clock,
    });
    const assertionAdmissions = new AssertionAdmissions({ assertions, admissions, users, sessions, clock });
    const workloads = new WorkloadIdentities({ configuration, keys: issuerKeys, store, issuer: config.issuer, clock });
    const registration = new DynamicRegistrations({
      configuration,
      database,
      endSession,
      record: recorder.record,
      clock,
    });

    const makeEngine = (keysInUse: readonly JWK[]) =>
      createEngine({
        issuer: config.issuer,
        resource,
        controlPlaneCallback: `${config.controlPlaneUrl}/session/callback`,
        signingKeys: keysInUse,
        cookieKeys: [Buffer.from(deriveKey(secret, 'engine-cookies')).toString('base64url')],
        dpopNonceSecret: deriveKey(secret, 'dpop-nonces'),
        tokenMarkKey: deriveKey(secret, 'token-marks'),
        store,
        documents,
        clock,
        renderError: engineErrorPage,
        unavailable,
        events: engineEvents(recorder.record, sessions, logger),
        decisions: {
          knownScopes: () =>
            [
              ...new Set(
                configuration
                  .snapshot()
                  .all('Role')
                  .flatMap((role) => role.spec.scopes),
              ),
            ].toSorted(),
          registration,
          documents: () =>
            configuration.snapshot().get('ClientRegistration', 'default')?.spec.metadataDocuments ?? {
              enabled: true,
              allowedHosts: ['*'],
              deniedHosts: [],
            },
          administeredAgent: (clientId) => administered.find(clientId),
          isWorkload: (clientId) => workloads.isWorkload(clientId),
          verifyWorkload: (clientId, token) => workloads.verify(clientId, token),
          lifetimes: () => lifetimesOf(configuration.snapshot()),
          userExists: async (userId) => (await users.find(userId)) !== undefined,
          userIsVouchedFor: async (userId) => {
            const user = await users.find(userId);
            return user !== undefined && admissions.isVouchedFor(user);
          },
          signedInBrowser: (id, browserUid) => identities.bindBrowser(id, browserUid),
          signInOfBrowser: async (browserUid) => {
            const signIn = await identities.ofBrowser(browserUid);
            return signIn?.browserEnded === false ? signIn.id : undefined;
          },
          signInVoid: (userId, authTime) =>
            configuration.snapshot().revocations.isRevoked({ userId, clientId: '', sid: '', issuedAt: authTime }),
          admitMachine: (request) => machines.admit(request),
          admitToken: (request) => admissions.admitToken(request),
          acceptsAssertions: () => assertions.accepted(),
          admitAssertion: (request) => assertionAdmissions.admit(request),
          liveToken: (token) => status.read(token),
          liveTokenFor: (clientId, token) => status.readFor(clientId, token),
          grantIsLive: (grantId) => status.grantIsLive(grantId),
          endSession,
          limits,
        },
      });
    const engine = new RotatingEngine(makeEngine, await signingKeys.forAccessTokens());
    const keeper = new SigningKeyKeeper({ keys: signingKeys, engine, configuration, record: recorder.record });
    const steps = new AuthorizationSteps({
      engine,
      configuration,
      admissions,
      signIn,
      binding,
      users,
      sessions,
      record: recorder.record,
      clock,
      accountUrl: `${config.controlPlaneUrl}/account`,
    });

    const signOut = new SignOut({
      issuer: config.issuer,
      returnTo: `${config.controlPlaneUrl}/session/ended`,
      engine,
      configuration,
      providers,
      identities,
      users,
      binding,
      endIdentitySessions,
      record: recorder.record,
      logger,
    });
    const backChannel = new BackChannelLogout({
      providers,
      identities,
      store,
      endIdentitySessions,
      record: recorder.record,
      keys: issuerKeys,
      clock,
      logger,
    });

    return {
      module: AuthorizationServerModule,
      controllers: [
        InteractionController,
        FederationController,
        BackChannelLogoutController,
        SignOutController,
        JwksController,
        RotateSigningKeysController,
        RemoveRegistrationController,
        ExchangeSignInController,
      ],
      providers: [
        { provide: ENGINE, useValue: engine },
        { provide: HOUSEKEEPING, useValue: housekeeping },
        { provide: KEEP_SESSIONS, useValue: keepSessions },
        { provide: SIGNING_KEY_KEEPER, useValue: keeper },
        { provide: COMMAND_KEY, useValue: configurationKey },
        { provide: REGISTRATIONS, useValue: registration },
        { provide: CLOCK, useValue: clock },
        { provide: SEALER, useValue: sealer },
        { provide: SIGN_IN_EXCHANGES, useValue: exchanges },
        { provide: AUTHORIZATION_STEPS, useValue: steps },
        { provide: BROWSER_BINDING, useValue: binding },
        { provide: SIGN_OUT, useValue: signOut },
        { provide: BACK_CHANNEL_LOGOUT, useValue: backChannel },
        { provide: SIGN_IN, useValue: signIn },
        { provide: CONFIGURATION, useValue: configuration },
        { provide: RECORDER, useValue: recorder },
        { provide: PUBLIC_KEYS, useValue: keys },
        { provide: ISSUER, useValue: config.issuer },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}

/** The first statements of a start: what fails here is the database, or a key that is not this database's. */
export function asDatabaseProblem(cause: unknown): never {
  if (cause instanceof SallyportError) throw cause;
  throw new SallyportError('database_unusable', 'The database cannot be used: it must be reachable and migrated.', {
    cause,
  });
}
