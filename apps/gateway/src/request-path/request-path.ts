import { createHash } from 'node:crypto';
import type { AccessTokenVerifier } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { RecordRoom } from '@sallyport/event-spool';
import type { BytesInFlight } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { AnswerRoom, ServerChannel } from '@sallyport/mcp-relay';
import { compilePolicies, serversFor } from '@sallyport/policy';
import type { CompiledPolicies, Caller } from '@sallyport/policy';
import type { NamePrefix } from '@sallyport/server';
import type { CallFacts, InboundRequest } from '../http/exchange.js';
import type { ClientRequest } from '../inbound/client-message.js';
import type { ProofGossip } from '../inbound/proof-gossip.js';
import type { Catalogues } from '../outbound/catalogues.js';
import type { CredentialLeases } from '../outbound/credential-leases.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { LogLevels } from '../session/log-levels.js';
import type { ResourceSubscriptions } from '../session/resource-subscriptions.js';
import type { EndedSessions } from '../session/ended-sessions.js';
import type { OpenQuestions } from '../dialog/open-questions.js';
import type { ParkedCalls } from '../dialog/parked-calls.js';
import type { RemoteExchanges } from '../dialog/remote-exchanges.js';
import type { ReplicaLink } from '../dialog/replica-link.js';
import type { Authenticated } from './authenticate.js';
import type { OpenCall, OpenCalls } from './open-calls.js';
import type { Refusal } from './refusal.js';
import type { FairTurns } from './fair-turns.js';
import type { Places } from './places.js';
import type { StreamPauses } from './stream-pauses.js';
import type { StepUpMemory } from './step-up-memory.js';

/** Everything the request path is made of. Built once, in `start-gateway.ts`. */
export interface RequestPath {
  readonly verifier: AccessTokenVerifier;
  /** `undefined` while nothing can be vouched for; `reason` says why (fail closed, security rule S27). */
  readonly configuration: () => { readonly snapshot: ConfigurationSnapshot } | { readonly unavailable: string };
  readonly leases: CredentialLeases;
  readonly catalogues: Catalogues;
  readonly channel: ServerChannel;
  readonly sealer: StateSealer;
  readonly endedSessions: EndedSessions;
  readonly stepUps: StepUpMemory;
  readonly openCalls: OpenCalls;
  /** Whose request begins next when there is more than the processor can do. */
  readonly turns: FairTurns;
  readonly questions: OpenQuestions;
  /** Whatever arrives, until it is done or is a call with a place of its own: the answer to a call's question gets in when those are full. */
  readonly arriving: Places;
  /** Of each user's requests and of the answers to them, as long as they are in memory. */
  readonly bytes: BytesInFlight;
  /** Room for the record of one call, set aside before anything is done (R74); else why there is none. */
  readonly reserveRecord: () => RecordRoom | { readonly unavailable: string };
  /** Used proofs, of all gateways. */
  readonly seenProofs: ProofGossip;
  /** Requests being answered, streams among them. */
  readonly calls: Places;
  /** Each holds a stream to every server. */
  readonly subscriptions: Places;
  readonly streamPauses: StreamPauses;
  readonly parkedCalls: ParkedCalls;
  /** The other gateways: what they hold for clients that arrive here, and the other way round. */
  readonly link: ReplicaLink;
  readonly remoteExchanges: RemoteExchanges;
  /** This replica's name. */
  readonly replica: string;
  readonly clock: Clock;
  /** What a proof must name: the public URL of `/mcp`, from configuration (security rules S7, S19). */
  readonly endpointUrl: string;
  readonly resourceMetadataUrl: string;
  readonly identity: { readonly name: string; readonly version: string };
  readonly maxBodyBytes: number;
  /** Of a server's answer that is passed on in pieces. */
  readonly maxAnswerBytes: number;
  /** How long a list waits for one server. */
  readonly listTimeoutMs: number;
  /** Characters of JSON in one page of a list. */
  readonly listPageLength: number;
  readonly logLevels: LogLevels;
  readonly resourceSubscriptions: ResourceSubscriptions;
  /** Told of each decision that failed because a policy's expression was shown more than it may go through; must not throw. */
  readonly observeOverBudget?: ((policy: string) => void) | undefined;
  /** Told of each server whose share of a list is missing; must not throw. */
  readonly observeMissing?: ((server: string, reason: string) => void) | undefined;
}

declare const byTheFirstHop: unique symbol;

/** A caller past the first hop, and by what that was decided. Only `admit` makes one (R28). */
export interface Admitted extends Authenticated {
  readonly [byTheFirstHop]: true;
  readonly snapshot: ConfigurationSnapshot;
  readonly policies: CompiledPolicies;
  readonly documentsGeneration: number;
  readonly prefix: NamePrefix;
  /** The servers policy could let this caller reach, of those the request addresses; sorted. */
  readonly servers: readonly string[];
  /** Milliseconds since the epoch: one moment for the whole decision. */
  readonly now: number;
}

/** Where what is gathered of a server's answer counts: it is given back piece by piece, whatever becomes of the exchange. */
export function answerRoom({ bytes }: Pick<RequestPath, 'bytes'>, userId: string): AnswerRoom {
  const held = bytes.open(userId);
  return { take: (size) => held.take(size) === undefined, give: held.give };
}

/** One admitted request on its way: what is fixed for its whole life. */
export interface Call extends Admitted {
  readonly path: RequestPath;
  readonly inbound: InboundRequest;
  readonly request: ClientRequest;
  readonly facts: CallFacts;
  readonly open: OpenCall;
}

/** The configuration a call is decided by: newest at its start, and again when a long call goes on. */
export function decidedBy(
  path: RequestPath,
  snapshot: ConfigurationSnapshot,
  caller: Caller,
  target: string | undefined,
): Pick<Call, 'snapshot' | 'policies' | 'servers' | 'documentsGeneration' | 'prefix' | 'now'> {
  const policies = compilePolicies(snapshot);
  return {
    snapshot,
    policies,
    servers: serversFor(policies, caller).filter((server) => target === undefined || server === target),
    documentsGeneration: documentsGeneration(snapshot),
    prefix: target === undefined ? namePrefixOf(snapshot) : 'never',
    now: path.clock(),
  };
}

/** Nothing is done that could not be recorded: sets room aside for the record of what these facts are of (R74). */
export function reserveRecord(path: RequestPath, facts: CallFacts): Refusal | undefined {
  const room = path.reserveRecord();
  if ('unavailable' in room) return { refused: 'not-ready', reason: room.unavailable };
  facts.room = room;
  return undefined;
}

export function asOfNow(call: Call): Call | Refusal {
  const configuration = call.path.configuration();
  return 'unavailable' in configuration
    ? { refused: 'not-ready', reason: configuration.unavailable }
    : { ...call, ...decidedBy(call.path, configuration.snapshot, call.caller, call.inbound.target) };
}

const generations = new WeakMap<object, number>();
let lastGeneration = 0;

/** A number per set of documents: revocations raise the revision, but void neither leases nor catalogues. */
export function documentsGeneration(snapshot: ConfigurationSnapshot): number {
  let generation = generations.get(snapshot.documents);
  if (generation === undefined) generations.set(snapshot.documents, (generation = ++lastGeneration));
  return generation;
}

const digests = new WeakMap<object, string>();

/** The same on every replica that holds these documents, whatever was revoked meanwhile. */
export function documentsDigest({ documents }: ConfigurationSnapshot): string {
  let digest = digests.get(documents);
  if (digest === undefined) {
    const sorted = [...documents].sort(([a], [b]) => (a < b ? -1 : 1));
    digests.set(documents, (digest = createHash('sha256').update(JSON.stringify(sorted)).digest('base64url')));
  }
  return digest;
}

/** Without a `Gateway` document names carry prefixes; `never` counts only while there is a single server (S12). */
function namePrefixOf(snapshot: ConfigurationSnapshot): NamePrefix {
  const wanted = snapshot.get('Gateway', 'default')?.spec.toolPrefix ?? 'server';
  return wanted === 'never' && snapshot.all('McpServer').length === 1 ? 'never' : 'server';
}
