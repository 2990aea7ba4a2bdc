import type { AccessTokenVerifier, TokenFailure } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredTarget } from '@sallyport/connection';
import {
  leaseCredential,
  type CredentialContext,
  type ProviderLease,
  type ProviderRefusal,
  type UserConnectionContext,
} from '@sallyport/credential';
import {
  openLeaseRequest,
  sealLeaseAnswer,
  sealTokenRefusal,
  type LeaseAnswerWire,
  type LeaseResponderKeys,
  type OpenedLeaseRequest,
} from '@sallyport/lease';
import type { SigningKeyPair } from '@sallyport/keys';
import type { LeaseOutcome } from '@sallyport/messages';
import type { ProviderFailureReason } from '@sallyport/oauth';
import { minuteOf } from '@sallyport/pages';
import { compilePolicies, decide, type Caller, type Permit } from '@sallyport/policy';
import type { ConnectTickets } from '../connect/connect-tickets.js';
import type { RefusedLeases } from './refused-leases.js';

export interface LeaseContext extends Omit<CredentialContext, 'userConnections'> {
  readonly keys: LeaseResponderKeys;
  readonly leaseSigning: SigningKeyPair;
  readonly verifier: Pick<AccessTokenVerifier, 'recheck'>;
  readonly snapshot: () => ConfigurationSnapshot;
  readonly controlPlaneUrl: string;
  /** What stands in links to the connect page. */
  readonly tickets: Pick<ConnectTickets, 'issue'>;
  readonly userConnections: Omit<UserConnectionContext, 'isRevoked'>;
  readonly refusedLeases: Pick<RefusedLeases, 'note'>;
}

/** A request that could not be opened gets no answer that could be mistaken for one. */
export interface LeaseRefusalWire {
  readonly refused: 'not_accepted';
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
  if (!verified.ok) {
    const { replica, server } = opened.request;
    const refusal = await refuse(context, `token_${verified.reason}`, { replica, server });
    return passesByItself(verified.reason) ? refusal : sealTokenRefusal(opened, context.leaseSigning);
  }
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
  const { revocations } = snapshot;
  const isRevoked: UserConnectionContext['isRevoked'] = ({ id, createdAt }) =>
    revocations.isConnectionRevoked(id, Math.floor(createdAt / 1000));
  const { rejectedConnectionRevision, stepUp } = request;
  const leased = await leaseCredential(
    { caller: decision.permit.caller, target, rejectedConnectionRevision, stepUp },
    { ...context, userConnections: { ...context.userConnections, isRevoked } },
  );
  return outcomeOf(leased, decision.permit, context);
}

async function outcomeOf(
  answer: ProviderLease | ProviderRefusal,
  permit: Permit,
  { tickets, controlPlaneUrl }: LeaseContext,
): Promise<LeaseOutcome> {
  if (answer.type === 'granted') {
    const { signings, ...granted } = answer;
    return {
      ...granted,
      headers: { ...granted.headers },
      ...(signings === undefined ? {} : { signings: [...signings] }),
    };
  }
  if (answer.type === 'provider_unavailable') {
    const { reason, pausedSince, ...rest } = answer;
    return reason === undefined ? rest : { ...rest, ...providerWords(reason, { server: permit.server, pausedSince }) };
  }
  if (answer.type !== 'connect_required') return answer;
  const { userId, clientId, agentName, sid } = permit.caller;
  const replaces = answer.reason === 'needs_reconnect' ? answer.connectionRevision : null;
  const scopes = answer.reason === 'more_scopes' ? { scopes: [...answer.scopes] } : {};
  const wish = {
    userId,
    agent: { clientId, agentName, sid },
    server: permit.server,
    credentialProvider: permit.credentialProvider,
    replaces,
    ...scopes,
  };
  const { handle } = await tickets.issue(wish);
  return {
    type: 'connect_required',
    url: `${controlPlaneUrl}/connect/${handle}`,
    message: connectWords[answer.reason](permit.server),
  };
}

/** What an agent's user reads who has to open the connect page first, with a server's name. */
export const connectWords = {
  not_connected: (server: string) => `Connect your ${server} account to continue.`,
  needs_reconnect: (server: string) => `Your ${server} account must be connected again to continue.`,
  more_scopes: (server: string) => `${server} asks for more permissions of your account to continue.`,
  agent_not_consented: (server: string) => `Allow this agent to use your ${server} account to continue.`,
} as const;

/** Words why a provider gives no credential: `message` where somebody has to mend it first, else `why`. */
export function providerWords(
  reason: ProviderFailureReason,
  { server, pausedSince }: { readonly server: string; readonly pausedSince: number | undefined },
): { readonly message: string } | { readonly why: string } {
  const since = pausedSince === undefined ? '' : ` since ${minuteOf(new Date(pausedSince))}`;
  if (isFault(reason))
    return {
      message: pausedSince === undefined ? faults[reason](server) : `${faults[reason](server)} It is so${since}.`,
    };
  return {
    why:
      `${waits[reason]}${since}: the account at ${server} stays connected, and you need not do anything; ` +
      'it is asked again by itself.',
  };
}

const isFault = (reason: ProviderFailureReason): reason is keyof typeof faults => reason in faults;

const waits: Readonly<Record<Exclude<ProviderFailureReason, keyof typeof faults>, string>> = {
  request_refused: 'The authorization server refuses to renew the access',
  no_answer: 'The authorization server does not answer',
  unavailable: 'The authorization server says that it is out of order',
  rate_limited: 'The authorization server gets more requests than it takes',
};

/** What somebody has to mend before it is any use to come again. */
const faults = {
  client_refused: (server) =>
    `The authorization server of ${server} does not accept this installation as its client. ` +
    'An administrator of this installation can mend that; your account stays connected.',
  malformed_answer: (server) =>
    `The authorization server of ${server} answers with nothing that can be used as a credential. ` +
    'An administrator finds out more in the events of this installation.',
  address_refused: (server) =>
    `The authorization server of ${server} is at an address that may not be called from here. ` +
    'An administrator of this installation can allow it.',
} as const satisfies { readonly [reason in ProviderFailureReason]?: (server: string) => string };

/**
 * The control plane lacks a key, or its clock is behind. A new token would fare no better, and this one may serve in a
 * moment.
 */
const passesByItself = (reason: TokenFailure): boolean => reason === 'keys_unavailable' || reason === 'not_yet_valid';

async function refuse(
  context: LeaseContext,
  reason: string,
  detail: { replica?: string; server?: string },
): Promise<LeaseRefusalWire> {
  const { server, ...rest } = detail;
  await context.refusedLeases.note({ reason, ...(server === undefined ? {} : { server }), detail: rest });
  return { refused: 'not_accepted' };
}

function record(
  context: LeaseContext,
  { userId, clientId, agentName, sid, trustProvider }: Caller,
  { request }: OpenedLeaseRequest,
  reason: string,
): Promise<void> {
  return context.refusedLeases.note({
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
