import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { RecordLifecycle } from '../lifecycle/record-lifecycle.js';
import { Budget, type Refusal } from './budget.js';

/** What is budgeted together: a flood of one leaves the others alone. `status` is revocation and introspection. */
export type LimitedGroup = 'authorize' | 'token' | 'register' | 'status';

/** Requests per minute. */
interface GroupLimits {
  readonly total: number;
  readonly client: number;
}

/** Far above what people and agents do; the documentation of the `AuthorizationServer` document repeats them. */
export const DEFAULT_LIMITS = {
  authorize: { total: 6_000, client: 3_000 },
  token: { total: 12_000, client: 6_000 },
  register: { total: 1_200, client: Infinity },
  status: { total: 12_000, client: 6_000 },
  user: 600,
  documents: { total: 600, host: 60 },
} as const satisfies Record<LimitedGroup, GroupLimits> & { user: number; documents: { total: number; host: number } };

const REPORTS_PER_MINUTE = 30;

/**
 * How much the OAuth endpoints take, by endpoint altogether, by client and by user; never by network address, behind
 * which all users of a hosted agent sit. Counted in this process: with n replicas, up to n times as much altogether.
 *
 * A request is charged to the client it proved to be and to the user whose grant it used. So nobody can use up the
 * budget of another by naming it, except at the authorization endpoint, where nothing is ever proven.
 */
export class RequestLimits {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #record: RecordLifecycle;
  readonly #requests: Budget;
  readonly #reports: Budget;
  #unreported = 0;

  constructor({ configuration, record, clock }: { configuration: { snapshot(): ConfigurationSnapshot }; record: RecordLifecycle; clock: Clock }) {
    this.#configuration = configuration;
    this.#record = record;
    this.#requests = new Budget(clock);
    this.#reports = new Budget(clock);
  }

  /** One more request to these endpoints, by whomever. */
  admit(group: LimitedGroup): Refusal | undefined {
    return this.#report(this.#requests.take(group, this.#limits(group).total), { limit: 'total', group });
  }

  /** Whether this client has spent its share. Costs nothing: naming a client proves nothing. */
  clientSpent(group: LimitedGroup, clientId: string): Refusal | undefined {
    return this.#report(this.#requests.spent(`${group} ${clientId}`, this.#limits(group).client), { limit: 'client', group, clientId });
  }

  chargeClient(group: LimitedGroup, clientId: string): void {
    this.#requests.charge(`${group} ${clientId}`, this.#limits(group).client);
  }

  /** One more request on behalf of a user who has been made sure of, whatever client it comes from. */
  admitUser(userId: string, clientId: string | undefined): Refusal | undefined {
    const perMinute = this.#configured()?.user ?? DEFAULT_LIMITS.user;
    return this.#report(this.#requests.take(`user ${userId}`, perMinute), { limit: 'user', userId, clientId });
  }

  registrationsFull(): void {
    this.#report({ retryAfterSeconds: 0 }, { limit: 'registrations', group: 'register' });
  }

  /** Whether documents may be fetched from this host, and at all, just now. */
  documentSpent(host: string): Refusal | undefined {
    const { total, host: perHost } = this.#documentLimits();
    return this.#report(this.#requests.spent('documents', total) ?? this.#requests.spent(`documents ${host}`, perHost), { limit: 'documents' });
  }

  chargeDocument(host: string): void {
    const { total, host: perHost } = this.#documentLimits();
    this.#requests.charge('documents', total);
    this.#requests.charge(`documents ${host}`, perHost);
  }

  #documentLimits(): { readonly total: number; readonly host: number } {
    const configured = this.#configured()?.documents;
    return { total: configured?.total ?? DEFAULT_LIMITS.documents.total, host: configured?.host ?? DEFAULT_LIMITS.documents.host };
  }

  #configured() {
    return this.#configuration.snapshot().get('AuthorizationServer', 'default')?.spec.limits;
  }

  #limits(group: LimitedGroup): GroupLimits {
    const configured: Partial<Record<keyof GroupLimits, number | undefined>> | undefined = this.#configured()?.[group];
    return { total: configured?.total ?? DEFAULT_LIMITS[group].total, client: configured?.client ?? DEFAULT_LIMITS[group].client };
  }

  /** At most one record a minute for the same limit, and not many altogether: a flood must not flood the trail as well. */
  #report(refusal: Refusal | undefined, { limit, group, userId, clientId }: { limit: string; group?: LimitedGroup; userId?: string; clientId?: string | undefined }): Refusal | undefined {
    if (!refusal) return undefined;
    this.#unreported += 1;
    const isNews = !this.#reports.take(`${limit} ${group} ${userId ?? clientId}`, 1) && !this.#reports.take('', REPORTS_PER_MINUTE);
    if (!isNews) return refusal;
    this.#record({ type: 'limit.exceeded', userId, clientId, reason: `more requests than the ${limit} limit allows`, detail: { limit, ...(group === undefined ? {} : { endpoints: group }), refusedSinceLastRecord: this.#unreported } });
    this.#unreported = 0;
    return refusal;
  }
}
