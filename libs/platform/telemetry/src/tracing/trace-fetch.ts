import { inSpan } from './tracer.js';
import type { Tracer } from './tracer.js';

/**
 * The same fetch, with a span around each request, named after its method: a URL may hold what is nobody else's
 * business. Nothing of the trace travels; whoever is asked is somebody else's. What is asked in the background is in no
 * trace. Without a tracer the fetch itself.
 */
export function traceFetch<F extends typeof globalThis.fetch>(fetch: F, tracer: Tracer | undefined): F {
  if (tracer === undefined) return fetch;
  const traced: typeof globalThis.fetch = (input, init) => {
    if (!tracer.isInSpan()) return fetch(input, init);
    const { hostname, port, protocol } = new URL(input instanceof Request ? input.url : input);
    const method = (init?.method ?? (input instanceof Request ? input.method : 'GET')).toUpperCase();
    const attributes = {
      'http.request.method': method,
      'server.address': hostname,
      'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    };
    return inSpan(tracer, { name: method, kind: 'client', attributes }, async (span) => {
      const response = await fetch(input, init);
      span?.set({ 'http.response.status_code': response.status });
      if (response.status >= 400) span?.fail(String(response.status));
      return response;
    });
  };
  return Object.assign(traced, fetch);
}
