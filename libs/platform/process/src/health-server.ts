import { createLimitedServer, ListenerWatch, translateListenError } from '@sallyport/http';
import { systemClock } from '@sallyport/kernel';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { createHealthHostGuard } from './health-host.js';
import { combineReadiness } from './running-service.js';
import type { Readiness } from './running-service.js';

/** What the health server answers for: a service in this process, or a worker beside it. */
export interface HealthSubject {
  readonly name: string;
  /** Never rejects. */
  readiness(): Readiness | Promise<Readiness>;
}

export interface HealthServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Enough for probes and a few collectors of metrics, none of which sends a body. */
const LIMITS = { maxConnections: 256, requestTimeoutMs: 5_000, maxPipelined: 4 };

/**
 * Starts the health listener: `/healthz` (200 while the process lives), `/readyz` (200 when ready or degraded, 503 when
 * not, with reasons) and `/metrics` (Prometheus text). It has a port of its own so that the port can stay internal. It
 * serves no secret, changes nothing, and refuses a foreign Host (S19).
 * @param subjects read at each request; add a service when it has started. An empty list is not ready.
 * @throws SallyportError `port_taken`, `port_forbidden` or `address_unavailable`
 */
export async function startHealthServer(
  port: number,
  host: string,
  subjects: readonly HealthSubject[],
  {
    metrics,
    logger,
    names = [],
  }: {
    metrics?: Metrics;
    logger: Logger;
    /** Names the listener is reached by, besides addresses and internal names. */
    names?: readonly string[];
  },
): Promise<HealthServer> {
  const watch = new ListenerWatch({ name: 'health', logger, metrics, clock: systemClock });
  const isMeant = createHealthHostGuard([host, ...names]);
  const server = createLimitedServer(
    (request, response) => {
      const answer = (status: number, type: string, body: string) =>
        response
          .writeHead(status, { 'content-type': type, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
          .end(body);
      const path = request.url?.split('?', 1)[0];
      if (!isMeant(request.rawHeaders))
        answer(403, 'text/plain', 'Forbidden: an operator must add this Host to SALLYPORT_HEALTH_NAMES first');
      else if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'text/plain', 'Method Not Allowed');
      else if (path === '/healthz') answer(200, 'application/json', '{"status":"alive"}');
      else if (path === '/readyz') {
        void readinessReport(subjects).then((report) =>
          answer(report.status === 'not-ready' ? 503 : 200, 'application/json', JSON.stringify(report)),
        );
      } else if (path === '/metrics' && metrics) {
        metrics.exposition().then(
          (text) => answer(200, 'text/plain; version=0.0.4; charset=utf-8', text),
          () => answer(500, 'text/plain', 'Internal Server Error'),
        );
      } else answer(404, 'text/plain', 'Not Found');
    },
    LIMITS,
    watch,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(translateListenError(error, port, host)));
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readinessReport(subjects: readonly HealthSubject[]) {
  if (subjects.length === 0) return { status: 'not-ready' as const, reasons: ['starting'], services: {} };
  const each = await Promise.all(
    subjects.map(async (subject) => ({ name: subject.name, readiness: await subject.readiness() })),
  );
  const { status, reasons } = combineReadiness(
    each.map(({ name, readiness }) => ({
      status: readiness.status,
      reasons: readiness.reasons.map((reason) => `${name}: ${reason}`),
    })),
  );
  return { status, reasons, services: Object.fromEntries(each.map(({ name, readiness }) => [name, readiness])) };
}
