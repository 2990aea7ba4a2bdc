import type { RequestCredential } from '@sallyport/mcp-relay';
import { openLeaseAnswer, sealLeaseRequest, type LeaseRequester, type RequestedLease } from '@sallyport/lease';
import type { AtHand } from './at-hand.js';
import type { RevocationIndex } from '@sallyport/configuration';
import { backOffMs, BoundedMap, SingleFlight } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { BusyAnswer } from '@sallyport/messages';
import type { CredentialChanged, LeaseRefusal } from '@sallyport/messages';
import type { Permit } from '@sallyport/policy';
import type { CryptoKey } from 'jose';
import { SecretTraces } from './secret-traces.js';
import { secretHeadersOf, toRequestCredential } from './to-request-credential.js';

/** Used for this long less than it is good for: a call that starts must also end with it. */
const MARGIN_SECONDS = 30;
/** Milliseconds for which a denial is not asked about again. */
const DENIED_MS = 1_000;
/** After a request without a usable answer: ever later, however often agents ask. */
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;
/** For this long after it the failures before are remembered. */
const FAILURES_MS = 30_000;

/**
 * A credential for one user through one agent at one origin, in memory only (R45). Only `CredentialLeases` makes one:
 * this class leaves the module as a type. It never prints, and takes its own traces out of what a server says (R44).
 */
class Lease {
  readonly #credential: RequestCredential;
  readonly #traces: SecretTraces;

  constructor(
    /** Everything the credential stands for, its revision included: what is remembered under it is nobody else's. */
    readonly identity: string,
    readonly userId: string,
    readonly server: string,
    readonly credentialProvider: string,
    readonly targetOrigin: string,
    readonly connectionId: string | null,
    readonly connectionRevision: number,
    /** Seconds since the epoch. */
    readonly leasedAt: number,
    /** Milliseconds since the epoch. */
    readonly usableUntil: number,
    credential: RequestCredential,
    /** Values of headers in which the server gets to see something secret. */
    shown: readonly string[],
  ) {
    this.#credential = credential;
    this.#traces = new SecretTraces(shown);
  }

  credential(): RequestCredential {
    return this.#credential;
  }

  redact(text: string): string {
    return this.#traces.redact(text);
  }

  /** The same for a text in pieces, each of whole characters in UTF-8: a trace may begin in one and end in another. */
  redactPieces(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return this.#traces.redactPieces(pieces);
  }

  /**
   * Of JSON with escaped characters that need no escape, the plain form: nothing hides in the spelling. Text that is no
   * JSON stays.
   */
  redactJson(json: string): string {
    return this.redact(NEEDLESS_ESCAPE.test(json) ? plainJson(json) : json);
  }
}
export type CredentialLease = Lease;

/** `\/`, and printable ASCII as `\u00XX`. */
const NEEDLESS_ESCAPE = /\\\/|\\u00[2-7]/i;

/** Backslashes stand in texts only. */
function plainJson(json: string): string {
  return json.replace(/\\(?:u00([2-7][0-9a-f])|.)/gi, (escaped, code: string | undefined) => {
    if (escaped === '\\/') return '/';
    return code === undefined ? escaped : JSON.stringify(String.fromCharCode(Number.parseInt(code, 16))).slice(1, -1);
  });
}

export type LeaseResult =
  | { readonly type: 'granted'; readonly lease: CredentialLease }
  | { readonly type: 'connect_required'; readonly url: string; readonly message: string }
  | {
      readonly type: 'provider_unavailable';
      readonly retryAfterSeconds: number | undefined;
      /** For the user, where waiting does not help. */ readonly message?: string | undefined;
      /** Why, where it does. */ readonly why?: string | undefined;
    }
  | {
      readonly type: 'refused';
      readonly reason: LeaseRefusal;
      /** For the user, where somebody can do something about it. */ readonly message?: string | undefined;
    }
  /** The control plane saw that the agent's token expired or was revoked before this gateway did. */
  | { readonly type: 'token_refused' };

export interface LeaseTarget {
  /** The agent's token; travels sealed to the control plane. */
  readonly token: string;
  /** Where the credential will be sent (security rule S20). */
  readonly targetOrigin: string;
  /** Changes with every change to a document: a lease is not reused across one. */
  readonly documentsGeneration: number;
  readonly revocations: Pick<RevocationIndex, 'isLeaseRevoked'>;
}

/** What a server said to a lease: 401, or 403 with the scopes that it lacks. */
export interface LeaseObjection {
  readonly lease: CredentialLease;
  readonly scopes?: readonly string[] | undefined;
}

function wishFor({
  lease: { connectionRevision },
  scopes,
}: LeaseObjection): Pick<RequestedLease, 'rejectedConnectionRevision' | 'stepUp'> {
  return scopes === undefined
    ? { rejectedConnectionRevision: connectionRevision }
    : { stepUp: { connectionRevision, scopes } };
}

export interface CredentialLeasesOptions {
  readonly requester: LeaseRequester;
  readonly leaseSigningPublicKey: CryptoKey;
  /** Request/reply to the control plane; rejects when nobody answers in time. `asker`: whose work it is. */
  readonly send: (wire: { readonly request: string; readonly asker: string }) => Promise<unknown>;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly onProblem?: (error: unknown) => void;
  /** Told of each answer to a request, and how long it took; must not throw. */
  readonly observe?: (result: LeaseResult['type'], durationMs: number) => void;
  readonly limit?: number;
}

/** Asks the control plane for credentials, once for callers that ask at the same time, and remembers them briefly. */
export class CredentialLeases {
  readonly #options: CredentialLeasesOptions;
  readonly #leases: BoundedMap<string, Lease>;
  readonly #denials: BoundedMap<
    string,
    { readonly result: LeaseResult; readonly until: number; /** In a row. */ readonly failures: number }
  >;
  readonly #asking = new SingleFlight<string, LeaseResult>();
  #changes = 0;

  constructor(options: CredentialLeasesOptions) {
    this.#options = options;
    this.#leases = new BoundedMap(options.limit ?? 20_000);
    this.#denials = new BoundedMap(options.limit ?? 20_000);
  }

  /**
   * @param objection what the server said to a lease that it was shown: asks for a newer credential, or for one with
   * more scopes.
   */
  async lease(permit: Permit, target: LeaseTarget, objection?: LeaseObjection): Promise<LeaseResult> {
    const key = keyOf(permit, target);
    const known = objection === undefined ? this.#recall(key, target) : this.#newerThan(key, objection);
    if (known !== undefined) return { type: 'granted', lease: known };
    const flight = JSON.stringify([key, objection?.lease.connectionRevision, objection?.scopes]);
    const denied = this.#denials.get(flight);
    if (denied !== undefined && denied.until > this.#options.clock()) return denied.result;
    return await this.#asking.run(flight, async () => {
      const startedAt = performance.now();
      const result = await this.#ask(key, permit, target, objection);
      this.#options.observe?.(result.type, performance.now() - startedAt);
      return this.#remember(flight, result);
    });
  }

  /** The lease that is remembered for this, where nobody has to be asked for one. */
  atHand(permit: Permit, target: LeaseTarget): AtHand<CredentialLease> | undefined {
    const key = keyOf(permit, target);
    const value = this.#recall(key, target);
    return value && { value, isCurrent: () => this.#recall(key, target) === value };
  }

  /** A connection changed: leases of older revisions are dropped, and what was denied may be granted now. */
  drop(changed: CredentialChanged): void {
    this.#changes += 1;
    this.#denials.deleteWhere(() => true);
    this.#leases.deleteWhere(
      (lease) =>
        lease.server === changed.server &&
        (lease.connectionId === changed.connectionId ||
          (changed.userId !== null && lease.connectionId === null && lease.userId === changed.userId)),
    );
  }

  /** Takes what has expired out of memory. */
  sweep(): void {
    const now = this.#options.clock();
    this.#leases.deleteWhere((lease) => lease.usableUntil <= now);
    this.#denials.deleteWhere(({ until, failures }) => until + (failures > 0 ? FAILURES_MS : 0) <= now);
  }

  /**
   * A no that a user cannot mend with a click holds for a moment, and silence for longer each time, however often an
   * agent asks.
   */
  #remember(flight: string, result: LeaseResult): LeaseResult {
    const { clock, random = Math.random } = this.#options;
    const isSilence = result.type === 'provider_unavailable' && result.retryAfterSeconds === undefined;
    if (isSilence) {
      const failures = (this.#denials.get(flight)?.failures ?? 0) + 1;
      this.#denials.set(flight, {
        result,
        failures,
        until: clock() + backOffMs(failures, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS, random: random() }),
      });
    } else if (result.type !== 'granted' && result.type !== 'connect_required') {
      this.#denials.set(flight, { result, failures: 0, until: clock() + DENIED_MS });
    } else {
      this.#denials.delete(flight);
    }
    return result;
  }

  #recall(key: string, { revocations }: LeaseTarget): Lease | undefined {
    const lease = this.#leases.get(key);
    if (lease === undefined) return undefined;
    if (lease.usableUntil > this.#options.clock() && !revocations.isLeaseRevoked(lease)) return lease;
    this.#leases.delete(key);
    return undefined;
  }

  /**
   * Somebody else may have replaced the lease already: then that one is the answer. One without enough scopes still
   * serves others.
   */
  #newerThan(key: string, { lease, scopes }: LeaseObjection): Lease | undefined {
    const current = this.#leases.get(key);
    if (current !== undefined && current !== lease && current.connectionRevision > lease.connectionRevision)
      return current;
    if (scopes === undefined) this.#leases.delete(key);
    return undefined;
  }

  async #ask(
    key: string,
    permit: Permit,
    { token, targetOrigin }: LeaseTarget,
    objection: LeaseObjection | undefined,
  ): Promise<LeaseResult> {
    const { caller, server, credentialProvider, revision, policies } = permit;
    const { requester, leaseSigningPublicKey, send, clock } = this.#options;
    const changesBefore = this.#changes;
    try {
      const { wire, expectation } = await sealLeaseRequest(
        {
          token,
          userId: caller.userId,
          clientId: caller.clientId,
          sid: caller.sid,
          server,
          targetOrigin,
          policyRevision: revision,
          policy: policies.gatewayToServer ?? undefined,
          ...(objection === undefined ? {} : wishFor(objection)),
        },
        requester,
      );
      const askedAt = clock();
      const answer = await send({ ...wire, asker: caller.userId });
      const busy = BusyAnswer.safeParse(answer);
      if (busy.success)
        return {
          type: 'provider_unavailable',
          retryAfterSeconds: Math.max(1, Math.ceil(busy.data.busy.retryAfterMs / 1000)),
        }; // nothing secret, nothing granted: it needs no seal
      const outcome = await openLeaseAnswer(answer, expectation, { leaseSigningPublicKey });
      if (outcome.type !== 'granted') return outcome;
      const usableUntil =
        askedAt +
        Math.max(1, outcome.expiresInSeconds - Math.min(MARGIN_SECONDS, Math.floor(outcome.expiresInSeconds / 5))) *
          1000;
      const lease = new Lease(
        JSON.stringify([key, outcome.connectionId, outcome.connectionRevision]),
        caller.userId,
        server,
        credentialProvider,
        targetOrigin,
        outcome.connectionId,
        outcome.connectionRevision,
        Math.floor(askedAt / 1000),
        usableUntil,
        toRequestCredential(outcome, clock),
        secretHeadersOf(outcome),
      );
      // A change that was announced meanwhile may be newer than this answer: use it once, do not keep it.
      if (this.#changes === changesBefore) this.#leases.set(key, lease);
      return { type: 'granted', lease };
    } catch (error) {
      this.#options.onProblem?.(error);
      return { type: 'provider_unavailable', retryAfterSeconds: undefined };
    }
  }
}

/** Everything that a lease depends on. */
const keyOf = ({ caller, server, credentialProvider }: Permit, target: LeaseTarget): string =>
  JSON.stringify([
    caller.userId,
    caller.clientId,
    caller.sid,
    server,
    credentialProvider,
    target.targetOrigin,
    target.documentsGeneration,
  ]);
