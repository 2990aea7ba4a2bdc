import type { Clock } from '@sallyport/kernel';
import { ReplicaReport, REPORT_INTERVAL_MS } from '@sallyport/messages';

/** A process of the deployment, by its own report and by what the bus and our clock say of that. */
export interface KnownReplica extends Omit<ReplicaReport, 'v' | 'state' | 'at'> {
  readonly service: string;
  readonly replica: string;
  /** Where several processes are one replica. */
  readonly worker: number | null;
  /** Milliseconds since the epoch, by our clock. */
  readonly heardAt: number;
  /** It has not been heard for some reports: it was killed, or is cut off from the bus. */
  readonly isSilent: boolean;
  /** Its clock minus ours, the way of the report included. Milliseconds. */
  readonly clockOffByMs: number;
}

export interface Revision {
  readonly epoch: string;
  readonly revision: number;
}

/** How far a revision has come. */
export interface Liveness {
  /** Every running gateway and authorization server applies the revision, or a later one. Not if all are silent. */
  readonly live: boolean;
  /** How many of them run. */
  readonly replicas: number;
  readonly waitedMs: number;
  /** Those that run and have not reported the revision. */
  readonly behind: readonly KnownReplica[];
  /** Those that were heard lately and are not now; what they apply nobody can say. */
  readonly silent: readonly KnownReplica[];
}

const SERVICES = ['gateway', 'authorization-server', 'token-refresh-worker', 'control-plane'];
/** Those that decide by the configuration for callers. */
const DECIDING = ['gateway', 'authorization-server'];
/** A replica that misses so many reports does not run, or cannot be heard. */
const SILENT_AFTER_MS = 4 * REPORT_INTERVAL_MS;
/** A cut-off gateway refuses everything by then, unless its bound was set higher. */
const FORGOTTEN_AFTER_MS = 300_000;
/** Whoever runs has reported by then: before, a control plane that just started knows not all. */
const ACQUAINTED_AFTER_MS = REPORT_INTERVAL_MS + 500;
const LOOK_MS = 250;
const MOST_REPLICAS = 4_096;
const MOST_WORKERS = 256;
const SUBJECT = /\.reports\.(?<service>[a-z-]{1,40})\.(?<replica>[a-z0-9-]{1,63})(?:\.(?<worker>[1-9]\d{0,3}))?$/;

type Heard = Omit<KnownReplica, 'isSilent'>;

/**
 * Every process of the deployment that reports on the bus. Kept in memory only: after a start all are known again
 * within seconds. The service and the name are the bus's word (S26), all else is the replica's own: a gateway that lies
 * about its revision deceives whoever waits for it, and can change nothing.
 */
export class KnownReplicas {
  readonly #clock: Clock;
  readonly #since: number;
  readonly #heard = new Map<string, Heard>();
  readonly #watchers = new Set<() => void>();

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    this.#since = clock();
  }

  /** Takes a report. @returns whether it is one: nothing is done with what is not */
  heard(payload: unknown, subject: string): boolean {
    const { service = '', replica = '', worker } = SUBJECT.exec(subject)?.groups ?? {};
    const report = ReplicaReport.safeParse(payload);
    if (!report.success || !SERVICES.includes(service) || Number(worker ?? 0) > MOST_WORKERS) return false;
    const { v: _, state, at, ...said } = report.data;
    const key = `${service}/${replica}/${worker ?? ''}`;
    const now = this.#clock();
    if (state === 'ended') this.#heard.delete(key);
    else {
      if (!this.#heard.has(key) && !this.#hasRoom()) return false;
      this.#heard.set(key, {
        ...said,
        service,
        replica,
        worker: worker === undefined ? null : Number(worker),
        heardAt: now,
        clockOffByMs: at - now,
      });
    }
    for (const look of this.#watchers) look();
    return true;
  }

  /** All that were heard lately, by service and name. */
  all(): readonly KnownReplica[] {
    this.#forget();
    const now = this.#clock();
    return [...this.#heard.entries()]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, heard]) => ({ ...heard, isSilent: now - heard.heardAt > SILENT_AFTER_MS }));
  }

  /**
   * Resolves when every running gateway and authorization server has reported the revision or a later one, and after
   * `timeoutMs` in any case.
   */
  async awaitLive(wanted: Revision, timeoutMs: number): Promise<Liveness> {
    const begun = this.#clock();
    return await new Promise((resolve) => {
      const look = (): void => {
        const liveness = this.#liveness(wanted, begun);
        if (!liveness.live && liveness.waitedMs < timeoutMs) return;
        clearInterval(timer);
        this.#watchers.delete(look);
        resolve(liveness);
      };
      // Some end, or fall silent, and time runs out: nothing is heard then.
      const timer = setInterval(look, Math.min(LOOK_MS, Math.max(1, timeoutMs))).unref();
      this.#watchers.add(look);
      look();
    });
  }

  #liveness(wanted: Revision, begun: number): Liveness {
    const now = this.#clock();
    const deciding = this.all().filter(({ service }) => DECIDING.includes(service));
    const running = deciding.filter(({ isSilent }) => !isSilent);
    const behind = running.filter(({ configuration }) => !applies(configuration, wanted));
    const silent = deciding.filter(({ isSilent }) => isSilent);
    const isKnown = running.length > 0 || silent.length === 0;
    return {
      live: behind.length === 0 && isKnown && now - this.#since >= ACQUAINTED_AFTER_MS,
      replicas: running.length,
      waitedMs: now - begun,
      behind,
      silent,
    };
  }

  #hasRoom(): boolean {
    if (this.#heard.size >= MOST_REPLICAS) this.#forget();
    return this.#heard.size < MOST_REPLICAS;
  }

  #forget(): void {
    const now = this.#clock();
    for (const [key, { heardAt }] of this.#heard) if (now - heardAt > FORGOTTEN_AFTER_MS) this.#heard.delete(key);
  }
}

/** Whether a replica decides by this revision or a later one. Another epoch is another history: it says neither. */
export const applies = (applied: Revision | null, wanted: Revision): boolean =>
  applied !== null && applied.epoch === wanted.epoch && applied.revision >= wanted.revision;
