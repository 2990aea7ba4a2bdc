import { BoundedMap, type Clock } from '@sallyport/kernel';
import type { Permission } from '@sallyport/admin-api';
import type { Logger } from '@sallyport/telemetry';
import type { RecordEvent, TrailEvent } from '@sallyport/trail';
import type { Administrator } from './administrators.js';

export interface AdministrationRequest {
  readonly method: string;
  /** As the route is declared, e.g. `/v1/connections/:id`. */
  readonly route: string;
  readonly permission: Permission;
  readonly address: string;
}

/** What is read again and again is one event in this time: the trail is for people. */
const READ_AGAIN_MS = 10 * 60_000;
const WARN_AGAIN_MS = 60_000;
const MOST_REMEMBERED = 10_000;

/**
 * Writes what administrators ask into the trail, before it is done. Each write is an event and each refusal, and a
 * write that cannot be recorded is not done. Of what one administrator reads of one route, the first of ten minutes is
 * an event. Each use of the token file is one, and a warning at most once a minute; but who reads the trail with it is
 * recorded as everybody is, or whoever follows the trail would fill it by reading it.
 */
export class AdministrationRecords {
  readonly #record: RecordEvent;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** When an administrator's reading of a route was recorded last. */
  readonly #reads = new BoundedMap<string, number>(MOST_REMEMBERED);
  #warnedAt = -Infinity;

  constructor(parts: { record: RecordEvent; logger: Logger; clock: Clock }) {
    this.#record = parts.record;
    this.#logger = parts.logger;
    this.#clock = parts.clock;
  }

  /** @throws what the trail throws, for a write: it is not to be done then */
  async asked(administrator: Administrator, request: AdministrationRequest): Promise<void> {
    const isTokenFile = administrator.actor.type === 'token';
    if (isTokenFile) this.#warn(request);
    const event = eventOf(isTokenFile ? 'administrator.break_glass' : 'administrator.request', administrator, request);
    if (request.method !== 'GET') return this.#record(event);
    if ((!isTokenFile || request.permission === 'events:read') && this.#wasReadBefore(administrator, request)) return;
    // Who looks for what is broken may look while the trail is.
    await this.#record(event).catch((err: unknown) => this.#logger.error({ err, event }, 'a reading was not recorded'));
  }

  /** @param reason what they lack: the permission of the route, unless said */
  async refused(
    administrator: Administrator,
    request: AdministrationRequest,
    reason = `needs ${request.permission}`,
  ): Promise<void> {
    await this.#record({ ...eventOf('administrator.refused', administrator, request), reason });
  }

  #wasReadBefore({ actor }: Administrator, { route }: AdministrationRequest): boolean {
    const key = JSON.stringify([actor.id, route]);
    const now = this.#clock();
    if (now - (this.#reads.get(key) ?? -Infinity) < READ_AGAIN_MS) return true;
    this.#reads.set(key, now);
    return false;
  }

  #warn({ method, route }: AdministrationRequest): void {
    const now = this.#clock();
    if (now - this.#warnedAt < WARN_AGAIN_MS) return;
    this.#warnedAt = now;
    this.#logger.warn(
      { method, route },
      'the administrator token was used: it is for emergencies, each use is an event',
    );
  }
}

function eventOf(
  type: 'administrator.break_glass' | 'administrator.request' | 'administrator.refused',
  { actor, roles, caller }: Administrator,
  { method, route, permission, address }: AdministrationRequest,
): TrailEvent {
  return {
    type,
    ...whoAdministers(caller, address),
    detail: { actor: actor.name ?? actor.id, method, route, permission, roles: roles.join(' ') },
  };
}

/** Who did something, in the fields of an event. */
export const whoAdministers = (caller: Administrator['caller'], address: string) => ({
  address,
  userId: caller?.userId,
  trustProvider: caller?.trustProvider,
  clientId: caller?.clientId,
  agentName: caller?.agentName,
  sid: caller?.sid,
});
