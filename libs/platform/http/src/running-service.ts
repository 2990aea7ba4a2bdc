/** `degraded` still serves; `not-ready` takes a replica out of rotation. The reasons are for operators and hold no secret. */
export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'not-ready';
  readonly reasons: readonly string[];
}

/** One service in this process, listening. */
export interface RunningService {
  readonly name: string;
  readonly urls: Readonly<Record<string, string>>;
  readiness(): Readiness;
  /** Stops accepting, lets what runs finish within a bound, releases what the service opened itself. Safe to call twice. */
  close(): Promise<void>;
}

const RANK = { ready: 0, degraded: 1, 'not-ready': 2 } as const;

/** The worst status of several and all reasons. */
export function combineReadiness(parts: readonly Readiness[]): Readiness {
  const status = parts.map((part) => part.status).toSorted((a, b) => RANK[b] - RANK[a])[0] ?? 'ready';
  return { status, reasons: parts.flatMap((part) => part.reasons) };
}
