import type { AccessTokenVerifier } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import {
  configuredClient,
  configuredTarget,
  leaseEnteredSecret,
  leaseGatewayToken,
  leaseNothing,
  leaseSharedConnection,
  leaseSharedSecret,
  leaseUserConnection,
  openLeaseRequest,
  sealLeaseAnswer,
  type ClientCredentialsTokens,
  type CloudCredentials,
  type ConfiguredTarget,
  type DerivedTokens,
  type LeaseAnswerWire,
  type LeaseResponderKeys,
  type OpenedLeaseRequest,
  type ProviderLease,
  type ProviderRefusal,
  type UserConnectionContext,
  withAddOns,
} from '@sallyport/credential';
import type { Clock, Secret } from '@sallyport/kernel';
import type { SigningKeyPair, Sealer } from '@sallyport/keys';
import type { LeaseOutcome } from '@sallyport/messages';
import { compilePolicies, decide, type Caller, type Permit } from '@sallyport/policy';
import { sealConnectTicket } from '../connect/connect-ticket.js';
import type { RecordLifecycle } from './announce-refresh.js';
import type { DownstreamSigningKeys } from './downstream-signing-key.js';

export interface LeaseContext {
  readonly keys: LeaseResponderKeys;
  readonly leaseSigning: SigningKeyPair;
  readonly verifier: Pick<AccessTokenVerifier, 'recheck'>;
  readonly snapshot: () => ConfigurationSnapshot;
  readonly signingKeys: Pick<DownstreamSigningKeys, 'newest'>;
  readonly issuer: string;
  readonly controlPlaneUrl: string;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** A document's secret by its stored name. */
  readonly findSecret: (name: string) => Promise<Secret | undefined>;
  readonly clientCredentials: ClientCredentialsTokens;
  readonly derivedTokens: Pick<DerivedTokens, 'lease'>;
  readonly cloudCredentials: CloudCredentials;
  readonly userConnections: Omit<UserConnectionContext, 'isRevoked'>;
  readonly record: RecordLifecycle;
}

/** A request that names no verifiable caller gets no answer that could be mistaken for one. */
export interface LeaseRefusalWire {
  readonly refused: string;
}

/**
 * Answers one lease request (security rules S20, S21): who asks, for which token, allowed by which policies, for which
 * origin, is established here anew and taken from nobody.
 */
export async function answerLeaseRequest(
  wire: unknown,
  context: LeaseContext,
): Promise<LeaseAnswerWire | LeaseRefusalWire> {
  const opened = await openLeaseRequest(wire, context.keys);
  if (!opened.ok)
    return refuse(context, opened.reason, opened.replica === undefined ? {} : { replica: opened.replica });
  // A proof of its key is for the gateway's address and for one request: the gateway has checked it.
  const verified = await context.verifier.recheck(opened.token);
  if (!verified.ok)
    return refuse(context, `token_${verified.reason}`, {
      replica: opened.request.replica,
      server: opened.request.server,
    });
  const { caller } = verified;
  const snapshot = context.snapshot();
  const outcome = await lease(opened, caller, snapshot, context);
  if (outcome.type === 'refused') await record(context, caller, opened, outcome.reason);
  const subject = {
    userId: caller.userId,
    clientId: caller.clientId,
    sid: caller.sid,
    policyRevision: snapshot.revision,
  };
  return sealLeaseAnswer(outcome, opened, subject, context.leaseSigning);
}

async function lease(
  { request }: OpenedLeaseRequest,
  caller: Caller,
  snapshot: ConfigurationSnapshot,
  context: LeaseContext,
): Promise<LeaseOutcome> {
  if (snapshot.revision < request.policyRevision) return { type: 'provider_unavailable', retryAfterSeconds: 1 };
  const action = { type: 'lease', ...(request.policy === undefined ? {} : { policy: request.policy }) } as const;
  const decision = decide(compilePolicies(snapshot), caller, {
    server: request.server,
    action,
    sourceIp: null,
    now: context.clock(),
  });
  if (decision.outcome !== 'allow')
    return { type: 'refused', reason: decision.outcome === 'deny' ? decision.reason : 'step_up' };
  const server = snapshot.get('McpServer', request.server);
  if (!server || new URL(server.spec.url).origin !== request.targetOrigin)
    return { type: 'refused', reason: 'target_origin' };
  const target = configuredTarget(snapshot, decision.permit);
  if (!target) return { type: 'refused', reason: 'credential_provider_unknown' };
  const leased = await leaseFromProvider(decision.permit, target, request, snapshot, context);
  return outcomeOf(
    leased.type === 'granted' ? await withAddOns(leased, target, context) : leased,
    decision.permit,
    context,
  );
}

async function leaseFromProvider(
  { caller }: Permit,
  target: ConfiguredTarget,
  { rejectedConnectionRevision, stepUp }: OpenedLeaseRequest['request'],
  snapshot: ConfigurationSnapshot,
  context: LeaseContext,
): Promise<ProviderLease | ProviderRefusal> {
  const { spec } = target.provider;
  const { revocations } = snapshot;
  const isRevoked: UserConnectionContext['isRevoked'] = ({ id, createdAt }) =>
    revocations.isConnectionRevoked(id, Math.floor(createdAt / 1000));
  const userConnections = { ...context.userConnections, isRevoked };
  // More scopes are a user's to give; what everybody gets has what its document says.
  if (stepUp !== undefined && spec.type !== 'mcp-user-oauth' && spec.type !== 'oauth-user')
    return { type: 'refused', reason: 'scope_beyond_limit' };
  switch (spec.type) {
    case 'none':
      return leaseNothing();
    case 'gateway-token': {
      const signingKey = await context.signingKeys.newest();
      if (!signingKey) return { type: 'provider_unavailable', retryAfterSeconds: 5 };
      return leaseGatewayToken(
        { caller, server: target.server, spec },
        { issuer: context.issuer, signingKey, clock: context.clock },
      );
    }
    case 'cloud': {
      const signingKey = await context.signingKeys.newest();
      if (!signingKey) return { type: 'provider_unavailable', retryAfterSeconds: 5 };
      return context.cloudCredentials.lease({
        caller,
        target,
        spec,
        signingKey,
        rejectedRevision: rejectedConnectionRevision,
      });
    }
    case 'mcp-user-oauth':
    case 'oauth-user':
      return leaseUserConnection({ caller, target, rejectedConnectionRevision, stepUp }, userConnections);
    case 'oauth-shared':
      return leaseSharedConnection({ caller, target, rejectedConnectionRevision }, userConnections);
    case 'client-credentials': {
      const client = await configuredClient(
        { provider: target.provider.name, client: spec.client, issuer: new URL(spec.tokenEndpoint).origin },
        context.findSecret,
      );
      return client
        ? context.clientCredentials.lease({ target, spec, client, rejectedRevision: rejectedConnectionRevision })
        : { type: 'refused', reason: 'secret_missing' };
    }
    case 'token-exchange':
      return context.derivedTokens.lease({ caller, target, spec, rejectedRevision: rejectedConnectionRevision });
    case 'id-jag': {
      const client = await configuredClient(
        { provider: target.provider.name, client: spec.client, issuer: spec.issuer },
        context.findSecret,
      );
      return context.derivedTokens.lease({
        caller,
        target,
        spec,
        client,
        rejectedRevision: rejectedConnectionRevision,
      });
    }
    case 'static': {
      if (spec.owner === 'user')
        return leaseEnteredSecret({ caller, target, rejectedConnectionRevision }, spec, userConnections);
      const secret = await context.findSecret(`CredentialProvider/${target.provider.name}/secret`);
      return secret ? leaseSharedSecret({ target, spec, secret }) : { type: 'refused', reason: 'secret_missing' };
    }
  }
}

function outcomeOf(
  answer: ProviderLease | ProviderRefusal,
  permit: Permit,
  { sealer, clock, controlPlaneUrl }: LeaseContext,
): LeaseOutcome {
  if (answer.type === 'granted') {
    const { signings, ...granted } = answer;
    return {
      ...granted,
      headers: { ...granted.headers },
      ...(signings === undefined ? {} : { signings: [...signings] }),
    };
  }
  if (answer.type !== 'connect_required') return answer;
  const { userId, clientId, agentName, sid } = permit.caller;
  const replaces = answer.reason === 'needs_reconnect' ? answer.connectionRevision : null;
  const scopes = answer.reason === 'more_scopes' ? { scopes: [...answer.scopes] } : {};
  const ticket = sealConnectTicket(
    {
      userId,
      agent: { clientId, agentName, sid },
      server: permit.server,
      credentialProvider: permit.credentialProvider,
      replaces,
      ...scopes,
    },
    sealer,
    clock,
  );
  return {
    type: 'connect_required',
    url: `${controlPlaneUrl}/connect/${ticket}`,
    message: messages[answer.reason](permit.server),
  };
}

const messages = {
  not_connected: (server: string) => `Connect your ${server} account to continue.`,
  needs_reconnect: (server: string) => `Your ${server} account must be connected again to continue.`,
  more_scopes: (server: string) => `${server} asks for more permissions of your account to continue.`,
  agent_not_consented: (server: string) => `Allow this agent to use your ${server} account to continue.`,
} as const;

async function refuse(
  context: LeaseContext,
  reason: string,
  detail: { replica?: string; server?: string },
): Promise<LeaseRefusalWire> {
  const { server, ...rest } = detail;
  await context.record({ type: 'lease.refused', reason, ...(server === undefined ? {} : { server }), detail: rest });
  return { refused: 'not_accepted' };
}

function record(
  context: LeaseContext,
  { userId, clientId, agentName, sid, trustProvider }: Caller,
  { request }: OpenedLeaseRequest,
  reason: string,
): Promise<void> {
  return context.record({
    type: 'lease.refused',
    userId,
    clientId,
    agentName,
    sid,
    trustProvider,
    server: request.server,
    reason,
    detail: { replica: request.replica },
  });
}
