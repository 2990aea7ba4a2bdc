import 'reflect-metadata';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { PinoNestLogger } from '@sallyport/telemetry';
import type { RequestListener } from 'node:http';
import { SallyportError, systemClock } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { Logger, Metrics } from '@sallyport/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { boundBodies } from './bound-bodies.js';
import type { BodyRules } from './bound-bodies.js';
import { BytesInFlight } from './bytes-in-flight.js';
import { drainRequest } from './drain-request.js';
import { allowCrossOrigin, answerPreflight, createHostGuard } from './host-guard.js';
import type { CorsOptions } from './host-guard.js';
import { createLimitedServer } from './limited-server.js';
import type { ListenerLimits } from './limited-server.js';
import { ListenerWatch } from './listener-watch.js';
import { PROBLEM, ProblemFilter, toProblem } from './problem.js';
import { securityHeaders } from './security-headers.js';
import type { Unavailable } from './unavailable.js';

export interface NestAppOptions {
  readonly logger: Logger;
  /** Where this app is reached; any other Host or Origin is refused with 403. More than one when it has several names. */
  readonly publicUrl: string | readonly string[];
  /** Addresses or CIDR ranges whose `X-Forwarded-*` headers count; nobody's by default. */
  readonly trustedProxies?: readonly string[];
  /** `pages` for what a browser renders, `api` for what only programs call. Routes may set stricter or looser ones. */
  readonly headers?: 'pages' | 'api';
  /** Origins of browser applications that may call across origins; never with cookies. */
  readonly cors?: { readonly origins: readonly string[] } & Partial<CorsOptions>;
  /** Who is told of what is turned away, besides the log. */
  readonly metrics?: Metrics | undefined;
  readonly clock?: Clock;
  /** What is told as an outage and not as a failure, and how. */
  readonly unavailable?: Unavailable;
  /** Where they differ from those every listener has. */
  readonly limits?: Partial<Omit<ListenerLimits, 'trustedProxies'>>;
  /** For routes whose caller is known before the body is read; all others take 16 KiB in the name of the address. */
  readonly bodies?: (request: FastifyRequest) => BodyRules | undefined;
  /** Bytes of bodies that are held altogether, of those `bodies` has no other room for. */
  readonly maxBytesInFlight?: number;
}

/** What an app's listener knows of itself. */
export interface AppListener {
  readonly watch: ListenerWatch;
  /** What is held of bodies that come from addresses. */
  readonly bytes: BytesInFlight;
}

const DEFAULT_BYTES_IN_FLIGHT = 64 * 1024 * 1024;
const listeners = new WeakMap<FastifyInstance, AppListener>();

/** The listener of an app that `createNestApp` made. */
export function listenerOf(app: NestFastifyApplication): AppListener {
  const listener = listeners.get(app.getHttpAdapter().getInstance());
  if (listener === undefined) throw new TypeError('not an app of createNestApp');
  return listener;
}

/**
 * Nest on Fastify with what every listener of ours needs: bounded bodies and times, the host guard (S19), security
 * headers, problem documents for errors, our logger. Not listening yet: `listen` does that.
 */
export async function createNestApp(
  module: Type<unknown> | DynamicModule,
  options: NestAppOptions,
): Promise<NestFastifyApplication> {
  const { logger, trustedProxies = [], headers = 'api', maxBytesInFlight = DEFAULT_BYTES_IN_FLIGHT } = options;
  const publicUrls = typeof options.publicUrl === 'string' ? [options.publicUrl] : options.publicUrl;
  const fixedHeaders = Object.entries(securityHeaders(headers, publicUrls));
  const watch = new ListenerWatch({
    name: new URL(publicUrls[0] ?? 'http://unnamed').host,
    logger,
    metrics: options.metrics,
    clock: options.clock ?? systemClock,
  });
  const adapter = new FastifyAdapter({
    logger: false,
    serverFactory: (handler: RequestListener) =>
      createLimitedServer(handler, { ...options.limits, trustedProxies }, watch),
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 8_192 },
    clientErrorHandler: () => undefined, // the server itself answers what is no request
    // An address that cannot be decoded never reaches a hook or a filter, and Fastify's own answer repeats it.
    frameworkErrors: (error: Error, _request: FastifyRequest, reply: FastifyReply) =>
      void reply
        .status(400)
        .headers(Object.fromEntries(fixedHeaders))
        .header('content-type', PROBLEM)
        .send(toProblem(error)),
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new PinoNestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  const bytes = new BytesInFlight({ total: maxBytesInFlight }, (refusal) =>
    watch.turnedAway(refusal === 'own-limit' ? 'bytes-of-one' : 'bytes-in-all'),
  );
  boundBodies(adapter.getInstance(), bytes, options.bodies);
  listeners.set(adapter.getInstance(), { watch, bytes });
  app.useGlobalFilters(new ProblemFilter(logger, options.unavailable));

  const guard = createHostGuard({ publicUrls, allowedOrigins: options.cors?.origins ?? [] });
  const cors: CorsOptions = {
    exposedHeaders: options.cors?.exposedHeaders ?? ['WWW-Authenticate'],
    allowedHeaders: options.cors?.allowedHeaders ?? ['Authorization', 'Content-Type'],
    methods: options.cors?.methods ?? ['GET', 'POST', 'DELETE'],
  };
  adapter.getInstance().addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    // On the raw response, so that answers that bypass Fastify (hijacked ones) carry them too.
    for (const [name, value] of fixedHeaders) reply.raw.setHeader(name, value);
    const verdict = guard(request);
    if (verdict.outcome === 'refused') {
      logger.warn({ reason: verdict.reason }, 'request refused');
      void reply
        .status(403)
        .header('content-type', PROBLEM)
        .send({ type: 'about:blank', title: 'Forbidden', status: 403 });
      return;
    }
    if (verdict.crossOrigin !== null) {
      if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
        reply.hijack();
        answerPreflight(reply.raw, verdict.crossOrigin, cors);
        return;
      }
      allowCrossOrigin(reply.raw, verdict.crossOrigin, cors);
    }
    done();
  });
  // What is refused before its body came (foreign hosts, unknown paths) must reach a client that still sends.
  adapter.getInstance().addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    if (!reply.raw.shouldKeepAlive) await drainRequest(request.raw);
    return payload;
  });
  return app;
}

/** @returns the URL it listens on. @throws SallyportError `port_taken`, `port_forbidden` */
export async function listen(
  app: NestFastifyApplication,
  { port, host }: { port: number; host: string },
): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    throw translateListenError(error, port, host);
  }
  const address = app.getHttpServer().address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

export function translateListenError(error: unknown, port: number, host: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE')
    return new SallyportError(
      'port_taken',
      `Port ${port} on ${host} is taken: stop what listens there or configure another port.`,
      { cause: error },
    );
  if (code === 'EACCES')
    return new SallyportError('port_forbidden', `Port ${port} on ${host} may not be opened by this user.`, {
      cause: error,
    });
  if (code === 'EADDRNOTAVAIL')
    return new SallyportError('address_unavailable', `This machine has no address ${host} to listen on.`, {
      cause: error,
    });
  return error;
}

/** Closes in order: no new connections, what runs may finish within `graceMs`, then the rest is cut. */
export async function closeNestApp(app: NestFastifyApplication, graceMs = 5_000): Promise<void> {
  const server = app.getHttpServer();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}
