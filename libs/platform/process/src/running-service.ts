/**
 * `degraded` still serves; `not-ready` takes a replica out of rotation. The reasons are for operators and hold no
 * secret.
 */
export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'not-ready';
  readonly reasons: readonly string[];
}

/** One service in this process, listening. */
export interface RunningService {
  readonly name: string;
  readonly urls: Readonly<Record<string, string>>;
  readiness(): Readiness;
  /**
   * Stops accepting, lets what runs finish within a bound, releases what the service opened itself. Safe to call twice.
   */
  close(): Promise<void>;
}

/** A reason, or what is left of `isBad && 'reason'` where there is none. */
type Reason = string | false | undefined;

const RANK = { ready: 0, degraded: 1, 'not-ready': 2 } as const;

/** The worst status of several, and all reasons, the worst first. */
export function combineReadiness(parts: readonly Readiness[]): Readiness {
  const sorted = parts.toSorted((a, b) => RANK[b.status] - RANK[a.status]);
  return { status: sorted[0]?.status ?? 'ready', reasons: sorted.flatMap((part) => part.reasons) };
}

/** Ready, or degraded by the reasons there are: `degraded(!bus.connected() && 'the bus is not connected')`. */
export const degraded = (...reasons: readonly Reason[]): Readiness => readinessBy('degraded', reasons);

/** Ready, or not by the reasons there are. */
export const notReady = (...reasons: readonly Reason[]): Readiness => readinessBy('not-ready', reasons);

function readinessBy(status: 'degraded' | 'not-ready', reasons: readonly Reason[]): Readiness {
  const there = reasons.filter((reason) => typeof reason === 'string');
  return { status: there.length > 0 ? status : 'ready', reasons: there };
}

/** How far a service's copy of the configuration can be trusted. */
export interface ConfigurationState {
  readonly ready: boolean;
  readonly stale: boolean;
  /** Milliseconds since the control plane was last heard of. */
  readonly staleForMs: number;
}

/** A heartbeat comes each second: this long without one is worth telling operators. */
const LATE_HEARTBEAT_MS = 5_000;

/** A service without a configuration it can trust does not serve. @param tellLate also says that heartbeats are late */
export function configurationReadiness(
  { ready, stale, staleForMs }: ConfigurationState,
  { tellLate = false } = {},
): Readiness {
  if (!ready) return notReady('the configuration has not arrived');
  if (stale) return notReady('the configuration is older than the staleness bound');
  const isLate = tellLate && staleForMs > LATE_HEARTBEAT_MS;
  return degraded(isLate && `no sign of life of the control plane for ${Math.round(staleForMs / 1000)} s`);
}
