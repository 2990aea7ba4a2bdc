import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { BoundedMap, Budget, type Clock } from '@sallyport/kernel';
import type { NoteEvent } from '@sallyport/trail';
import { addressKeys } from './address-keys.js';
import type { Refusal } from './refusal.js';

/** What is budgeted together: a flood of one leaves the others alone. `status` is revocation and introspection. */
export type LimitedGroup = 'authorize' | 'token' | 'register' | 'status';

/**
 * Requests per minute. `total` and `address` are of requests that prove nothing, `client` of agents that authenticate.
 */
interface GroupLimits {
  readonly total: number;
  readonly client: number;
  readonly address: number;
}

/** Far above what people and agents do; the documentation of the `AuthorizationServer` document repeats them. */
export const DEFAULT_LIMITS = {
  authorize: { total: 6_000, client: 3_000, address: 600 },
  token: { total: 12_000, client: 6_000, address: 600 },
  register: { total: 1_200, client: Infinity, address: 120 },
  status: { total: 12_000, client: 6_000, address: 600 },
  user: 600,
  session: 120,
  documents: { total: 600, host: 60, address: 30 },
} as const satisfies Record<LimitedGroup, GroupLimits> & {
  user: number;
  session: number;
  documents: { total: number; host: number; address: number };
};

/** Wrong secrets in the name of one client from one address. */
const WRONG_SECRETS = 60;
const REPORTS_PER_MINUTE = 30;
/** Pages that an address may ask for, for each authorization request it may make. */
const PAGES_EACH = 10;
/** A shared secret that was right lately is told from a guess without counting. */
const MOST_PROVEN = 10_000;

/**
 * How much the OAuth endpoints take, so that nobody spends what is another's (S32). Counted in this
 * process: with n replicas, up to n times as much.
 *
 * - Whoever proved something is charged for it alone: an agent that authenticates as that agent, a code or refresh
 *   token as that token, its session and its user.
 * - Whoever proved nothing is charged as a network address. All of those together meet a common limit too, which only
 *   they can spend, and only with what made us do something.
 */
export class RequestLimits {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #record: NoteEvent;
  readonly #requests: Budget;
  readonly #addresses: Budget;
  readonly #pages: Budget;
  readonly #reports: Budget;
  readonly #proven = new BoundedMap<string, true>(MOST_PROVEN);
  readonly #unreported = new Map<string, number>();

  constructor({
    configuration,
    record,
    clock,
  }: {
    configuration: { snapshot(): ConfigurationSnapshot };
    record: NoteEvent;
    clock: Clock;
  }) {
    this.#configuration = configuration;
    this.#record = record;
    this.#requests = new Budget(clock);
    this.#addresses = new Budget(clock);
    this.#pages = new Budget(clock);
    this.#reports = new Budget(clock);
  }

  /**
   * One more request that proves nothing; `unavailable` is the common limit's, which the address may be innocent of.
   */
  admitUnproven(group: LimitedGroup, address: string): Refusal | undefined {
    const { total, address: perAddress } = this.#limits(group);
    const refusal = this.#takeOfAddress(group, address, perAddress);
    if (refusal) return this.#report(refusal, { limit: 'address', group, address });
    const common = this.#requests.spent(group, total);
    return this.#report(common && { ...common, isCommon: true }, { limit: 'total', group });
  }

  /**
   * One more page on the way to a sign-in or out of one, whoever looks: some for each authorization request of an
   * address.
   */
  admitPage(address: string): Refusal | undefined {
    return this.#report(this.#takeOfAddress('pages', address, PAGES_EACH * this.#limits('authorize').address), {
      limit: 'address',
      group: 'authorize',
      address,
    });
  }

  /**
   * One more page of this authorization request, which its own browser asks for: no more than of a session. A person
   * needs a handful.
   */
  admitPageOf(interaction: string): Refusal | undefined {
    return this.#report(this.#pages.take(interaction, this.#perSession()), { limit: 'pages', group: 'authorize' });
  }

  /** It made us do something. */
  chargeUnproven(group: LimitedGroup): void {
    this.#requests.charge(group, this.#limits(group).total);
  }

  /** Whether this client has spent its share, which is only ever charged once it has authenticated. */
  clientSpent(group: LimitedGroup, clientId: string): Refusal | undefined {
    return this.#report(this.#requests.spent(`${group} ${clientId}`, this.#limits(group).client), {
      limit: 'client',
      group,
      clientId,
    });
  }

  chargeClient(group: LimitedGroup, clientId: string): void {
    this.#requests.charge(`${group} ${clientId}`, this.#limits(group).client);
  }

  /**
   * One more use of a code or refresh token that we made: no more than of a session, however it is answered.
   * @param digest of it
   */
  admitToken(digest: string): Refusal | undefined {
    return this.#report(this.#requests.take(`presented ${digest}`, this.#perSession()), {
      limit: 'token',
      group: 'token',
    });
  }

  /** Whether a secret may be tried in the name of this client. @param digest of client and secret */
  secretRefused(clientId: string, address: string, digest: string): Refusal | undefined {
    if (this.#proven.get(digest)) return undefined;
    for (const { key, share } of addressKeys(address)) {
      const refusal = this.#addresses.spent(`secret ${clientId} ${key}`, WRONG_SECRETS * share);
      if (refusal) return this.#report(refusal, { limit: 'secret', clientId, address });
    }
    return undefined;
  }

  secretTried(clientId: string, address: string, digest: string, isRight: boolean): void {
    if (isRight) this.#proven.set(digest, true);
    else this.#proven.delete(digest);
    if (!isRight)
      for (const { key, share } of addressKeys(address))
        this.#addresses.charge(`secret ${clientId} ${key}`, WRONG_SECRETS * share);
  }

  /**
   * One more token of a session, and so of its user, whatever agent it is of.
   * @param grantId none for a sign-in in a browser
   */
  admitUser(userId: string, clientId: string | undefined, grantId?: string): Refusal | undefined {
    const { user = DEFAULT_LIMITS.user } = this.#configured() ?? {};
    const ofSession = grantId === undefined ? undefined : this.#requests.take(`session ${grantId}`, this.#perSession());
    if (ofSession) return this.#report(ofSession, { limit: 'session', userId, clientId });
    return this.#report(this.#requests.take(`user ${userId}`, user), { limit: 'user', userId, clientId });
  }

  registrationsFull(): void {
    this.#report({ retryAfterSeconds: 0 }, { limit: 'registrations', group: 'register' });
  }

  /**
   * Whether a document may be fetched from this host just now: for somebody at this address, or of an agent that is in
   * use, for which there is a budget that nobody else can spend.
   */
  documentSpent(host: string, asker: DocumentAsker): Refusal | undefined {
    const { total, host: perHost, address: perAddress } = this.#documentLimits();
    if (asker === 'in use')
      return this.#report(this.#requests.spent('documents in use', total), { limit: 'documents in use' });
    const ofAddress = addressKeys(asker.address)
      .map(({ key, share }) => this.#addresses.spent(`documents ${key}`, perAddress * share))
      .find(Boolean);
    if (ofAddress) return this.#report(ofAddress, { limit: 'documents', address: asker.address });
    const common = this.#requests.spent('documents', total) ?? this.#requests.spent(`documents ${host}`, perHost);
    return this.#report(common && { ...common, isCommon: true }, { limit: 'documents' });
  }

  /** @param wasReached a name that nobody has costs its host and everybody else nothing */
  chargeDocument(host: string, asker: DocumentAsker, wasReached: boolean): void {
    const { total, host: perHost, address: perAddress } = this.#documentLimits();
    if (asker !== 'in use')
      for (const { key, share } of addressKeys(asker.address))
        this.#addresses.charge(`documents ${key}`, perAddress * share);
    if (!wasReached) return;
    if (asker === 'in use') {
      this.#requests.charge('documents in use', total);
      return;
    }
    this.#requests.charge('documents', total);
    this.#requests.charge(`documents ${host}`, perHost);
  }

  #perSession(): number {
    return this.#configured()?.session ?? DEFAULT_LIMITS.session;
  }

  #takeOfAddress(group: string, address: string, perMinute: number): Refusal | undefined {
    const keys = addressKeys(address);
    for (const { key, share } of keys) {
      const refusal = this.#addresses.spent(`${group} ${key}`, perMinute * share);
      if (refusal) return refusal;
    }
    for (const { key, share } of keys) this.#addresses.charge(`${group} ${key}`, perMinute * share);
    return undefined;
  }

  #documentLimits(): { readonly total: number; readonly host: number; readonly address: number } {
    const { total, host, address } = this.#configured()?.documents ?? {};
    const { documents } = DEFAULT_LIMITS;
    return { total: total ?? documents.total, host: host ?? documents.host, address: address ?? documents.address };
  }

  #configured() {
    return this.#configuration.snapshot().get('AuthorizationServer', 'default')?.spec.limits;
  }

  #limits(group: LimitedGroup): GroupLimits {
    const configured: Partial<Record<keyof GroupLimits, number | undefined>> = this.#configured()?.[group] ?? {};
    const usual = DEFAULT_LIMITS[group];
    return {
      total: configured.total ?? usual.total,
      client: configured.client ?? usual.client,
      address: configured.address ?? usual.address,
    };
  }

  /**
   * At most one record a minute for the same limit, and not many of one kind: a flood must not flood the trail, nor
   * keep others out of it.
   */
  #report<R extends Refusal>(
    refusal: R | undefined,
    { limit, group, userId, clientId, address }: Refused,
  ): R | undefined {
    if (!refusal) return undefined;
    const unreported = (this.#unreported.get(limit) ?? 0) + 1;
    this.#unreported.set(limit, unreported);
    const isNews =
      !this.#reports.take(`${limit} ${group} ${userId ?? clientId} ${address}`, 1) &&
      !this.#reports.take(limit, REPORTS_PER_MINUTE);
    if (!isNews) return refusal;
    const detail = {
      limit,
      ...(group === undefined ? {} : { endpoints: group }),
      refusedSinceLastRecord: unreported,
    };
    this.#record({
      type: 'limit.exceeded',
      address,
      userId,
      clientId,
      reason: `more requests than the ${limit} limit allows`,
      detail,
    });
    this.#unreported.delete(limit);
    return refusal;
  }
}

/** Who has a document fetched. */
export type DocumentAsker = 'in use' | { readonly address: string };
interface Refused {
  readonly limit: string;
  readonly group?: LimitedGroup;
  readonly userId?: string;
  readonly clientId?: string | undefined;
  readonly address?: string;
}
