import type { RequestListener } from 'node:http';
import { systemClock } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { boundBodies } from './bound-bodies.js';
import type { BodyRules } from './bound-bodies.js';
import { BytesInFlight } from './bytes-in-flight.js';
import { drainRequest } from './drain-request.js';
import { createForwardedAddress } from './forwarded-address.js';
import { Shortcut } from './shortcut.js';
import { allowCrossOrigin, answerPreflight, createHostGuard } from './host-guard.js';
import type { CorsOptions, HostGuard } from './host-guard.js';
import { createLimitedServer } from './limited-server.js';
import type { RequestOrder } from './limited-server.js';
import type { ListenerCertificate } from './listener-certificate.js';
import { DEFAULT_LIMITS, type ListenerLimits } from './listener-limits.js';
import { ListenerWatch } from './listener-watch.js';
import { toProblem } from './problem.js';
import { problem, PROBLEM } from './problem-body.js';
import { securityHeaders } from './security-headers.js';
import { traceHttp } from './trace-requests.js';
import type { HttpTracing } from './trace-requests.js';

export interface ListenerOptions {
  readonly logger: Logger;
  /** The origins of this app, the first one being its main name. Any other Host or Origin gets 403. */
  readonly publicUrl: string | readonly string[];
  /** Addresses or CIDR ranges of proxies whose `X-Forwarded-*` headers the app believes; none by default. */
  readonly trustedProxies?: readonly string[];
  /** `pages` where a browser renders the answers, `api` (the default) where only programs call. A route may differ. */
  readonly headers?: 'pages' | 'api';
  /** Origins of browser applications that may call across origins. They never send cookies. */
  readonly cors?: { readonly origins: readonly string[] } & Partial<CorsOptions>;
  /** Counts the requests and connections that the listener turned away. */
  readonly metrics?: Metrics | undefined;
  /** Puts each request into a span, where traces are on. */
  readonly traced?: HttpTracing | undefined;
  readonly clock?: Clock;
  /** Paths that pages of any origin may read: see `HostGuardOptions`. */
  readonly publicDocuments?: readonly string[];
  /** What happens to a request for another spelling of a loopback `publicUrl`; `redirect` by default. */
  readonly otherSpellings?: 'serve' | 'redirect';
  /** Whether `/a/` is the same route as `/a`; false by default. */
  readonly ignoreTrailingSlash?: boolean;
  /** Where TLS ends here; plain HTTP, behind a proxy that ends it, without it. */
  readonly certificate?: ListenerCertificate | undefined;
  /** Limits that differ from `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Omit<ListenerLimits, 'trustedProxies'>>;
  /** The order in which waiting requests begin. Without it every request begins when it arrives. */
  readonly order?: RequestOrder;
  /** The rules for a body whose sender the headers prove. Any other body may have 16 KiB, held for its address. */
  readonly bodies?: (request: FastifyRequest) => BodyRules | undefined;
  /** Bytes of bodies the app holds at once, apart from those that `bodies` has rules for; 64 MiB by default. */
  readonly maxBytesInFlight?: number;
}

/** Routes, and what counts and guards before them. */
export interface AppListener {
  readonly fastify: FastifyInstance;
  readonly watch: ListenerWatch;
  /** The bytes of bodies that are held for addresses. */
  readonly bytes: BytesInFlight;
  /** What takes requests of our own origin before any route. */
  readonly shortcut: Shortcut;
  /** The security headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Characters of a foreign Host or Origin that a log line shows. */
const MAX_LOGGED_NAME = 200;
const DEFAULT_BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/**
 * Creates a Fastify instance with what every listener of ours needs: limits on bodies and times (S33), the host guard
 * (S19) and security headers. It has no routes and words no errors: `answerProblems` does, or Nest. `listen` starts it.
 */
export function createListener(options: ListenerOptions): AppListener {
  const { logger, maxBytesInFlight = DEFAULT_BYTES_IN_FLIGHT } = options;
  const publicUrls = typeof options.publicUrl === 'string' ? [options.publicUrl] : options.publicUrl;
  const headers = securityHeaders(options.headers ?? 'api', publicUrls);
  const watch = new ListenerWatch({
    name: new URL(publicUrls[0] ?? 'http://unnamed').host,
    logger,
    metrics: options.metrics,
    clock: options.clock ?? systemClock,
  });
  const guard = createHostGuard({
    publicUrls,
    allowedOrigins: options.cors?.origins ?? [],
    publicDocuments: options.publicDocuments ?? [],
    otherSpellings: options.otherSpellings ?? 'redirect',
  });
  const shortcut = createShortcut(guard, options.trustedProxies ?? []);
  const instance = createFastify(options, headers, watch, shortcut);
  const bytes = new BytesInFlight({ total: maxBytesInFlight }, (refusal) =>
    watch.turnedAway(refusal === 'own-limit' ? 'bytes-of-one' : 'bytes-in-all'),
  );
  if (options.traced !== undefined) traceHttp(instance, options.traced);
  boundBodies(instance, bytes, options.bodies);
  instance.addHook('onRequest', guardRequests(guard, headers, options));
  // A client that still sends its body must be able to read why it was refused (a foreign host, an unknown path).
  instance.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (!reply.raw.shouldKeepAlive) await drainRequest(request.raw);
    return payload;
  });
  return { fastify: instance, watch, bytes, shortcut, headers };
}

function createFastify(
  { trustedProxies = [], limits, order, certificate, ignoreTrailingSlash = false }: ListenerOptions,
  fixedHeaders: Readonly<Record<string, string>>,
  watch: ListenerWatch,
  shortcut: Shortcut,
): FastifyInstance {
  return fastify({
    logger: false,
    serverFactory: (handler: RequestListener) =>
      createLimitedServer(shortcut.before(handler), { ...limits, trustedProxies }, watch, { order, certificate }),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    forceCloseConnections: 'idle',
    // As long as a head may be: the route says how long its parameters are, and not the router.
    routerOptions: { maxParamLength: { ...DEFAULT_LIMITS, ...limits }.maxHeaderBytes, ignoreTrailingSlash },
    clientErrorHandler: () => undefined, // the limited server itself answers what it cannot parse
    // A URL that cannot be decoded reaches no hook and no filter, and Fastify's own answer would repeat it.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      void reply.status(400).headers(fixedHeaders).header('content-type', PROBLEM).send(toProblem(error)),
  });
}

/** Only requests that the guard accepts, of our own origin and of no page, may be taken before the routes. */
function createShortcut(guard: HostGuard, trustedProxies: readonly string[]): Shortcut {
  const addressOf = createForwardedAddress(trustedProxies);
  return new Shortcut((request) => {
    const address = addressOf(request);
    const verdict = guard({ host: address.host, raw: request });
    return verdict.outcome === 'accepted' && verdict.crossOrigin === null ? address : undefined;
  });
}

/** The hook that sets the security headers and decides with the host guard whether a request goes on. */
function guardRequests(
  guard: HostGuard,
  fixedHeaders: Readonly<Record<string, string>>,
  { logger, cors }: ListenerOptions,
): (request: FastifyRequest, reply: FastifyReply, done: () => void) => void {
  const corsOptions: CorsOptions = {
    exposedHeaders: cors?.exposedHeaders ?? ['WWW-Authenticate'],
    allowedHeaders: cors?.allowedHeaders ?? ['Authorization', 'Content-Type'],
    methods: cors?.methods ?? ['GET', 'POST', 'DELETE'],
  };
  return (request, reply, done) => {
    // On the raw response, so that answers that bypass Fastify (hijacked ones) carry them too.
    for (const [name, value] of Object.entries(fixedHeaders)) reply.raw.setHeader(name, value);
    const verdict = guard(request);
    if (verdict.outcome === 'refused') {
      const { reason, detail } = verdict;
      const origin = request.headers.origin?.slice(0, MAX_LOGGED_NAME);
      logger.warn({ reason, host: request.host.slice(0, MAX_LOGGED_NAME), origin }, 'request refused');
      void reply
        .status(403)
        .header('content-type', PROBLEM)
        .send({ ...problem(403), detail });
      return;
    }
    if (verdict.outcome === 'elsewhere') {
      void reply.redirect(verdict.url, 307);
      return;
    }
    if (verdict.crossOrigin !== null) {
      if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
        reply.hijack();
        answerPreflight(reply.raw, verdict.crossOrigin, corsOptions);
        return;
      }
      allowCrossOrigin(reply.raw, verdict.crossOrigin, corsOptions);
    }
    done();
  };
}
