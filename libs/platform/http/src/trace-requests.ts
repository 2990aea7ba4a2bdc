import type { Span, Tracer } from '@sallyport/telemetry';
import type { FastifyInstance, FastifyRequest } from 'fastify';

export interface HttpTracing {
  readonly tracer: Tracer;
  /** Names a route that Fastify does not know, of few values; `undefined` for what is none. */
  readonly routeOf?: (path: string) => string | undefined;
}

/**
 * A span around each request, named after its method and route, as OpenTelemetry's conventions for HTTP have it. Its
 * parent is the caller's `traceparent`. What the request causes is in the trace too.
 */
export function traceHttp(instance: FastifyInstance, { tracer, routeOf }: HttpTracing): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  instance.addHook('onRequest', (request, reply, done) => {
    const { method, headers, ip } = request;
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
    const route = request.is404 ? routeOf?.(path) : request.routeOptions.url;
    const traceparent = headers['traceparent'];
    const span = tracer.start({
      name: route === undefined ? method : `${method} ${route}`,
      kind: 'server',
      parent: typeof traceparent === 'string' ? traceparent : undefined,
      attributes: { 'http.request.method': method, 'http.route': route, 'client.address': ip },
    });
    spans.set(request, span);
    reply.raw.once('close', () => {
      const { statusCode, writableFinished } = reply.raw;
      span.set({ 'http.response.status_code': statusCode });
      if (statusCode >= 500) span.fail(String(statusCode));
      else if (!writableFinished) span.fail('client_gone');
      span.end();
    });
    span.run(done);
  });
  // The body arrives outside of what the first hook began.
  instance.addHook('preValidation', (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) done();
    else span.run(done);
  });
}
