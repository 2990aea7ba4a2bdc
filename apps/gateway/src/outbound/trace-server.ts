import type { Tracer } from '@sallyport/telemetry';
import { describeAddress, describeSpan } from '../protocol/describe-span.js';
import type { ObserveServer } from './observe-server.js';

/**
 * A span around each request to a server, child of the call it is made for. The server is told of it, in `_meta` and in
 * the header (docs/telemetry.md).
 * @param kindOf the kind of credential that a provider's document asks for
 */
export function traceServer(tracer: Tracer, kindOf: (credentialProvider: string) => string | undefined): ObserveServer {
  return ({ server, credentialProvider, url, request: { method, name: target, id } }) => {
    const { name, attributes } = describeSpan(method, target);
    const span = tracer.start({
      name,
      kind: 'client',
      attributes: {
        ...describeAddress(url),
        ...attributes,
        'jsonrpc.request.id': String(id),
        'sallyport.server': server,
        'sallyport.credential.kind': kindOf(credentialProvider),
      },
    });
    return {
      traceparent: span.traceparent,
      ended({ errorType, errorCode }) {
        if (errorCode !== undefined) span.set({ 'rpc.response.status_code': String(errorCode) });
        if (errorType !== undefined) span.fail(errorType);
        span.end();
      },
    };
  };
}
