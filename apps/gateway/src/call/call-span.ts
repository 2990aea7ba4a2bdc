import type { CallRecord } from '@sallyport/messages';
import type { Span, Tracer } from '@sallyport/telemetry';
import type { ClientRequest } from '../protocol/client-message.js';
import { describeAddress, describeSpan } from '../protocol/describe-span.js';
import type { InboundRequest } from '../protocol/exchange.js';

/** Begins the span of one request of an agent; see `endCallSpan`. */
export type TraceCall = (inbound: Pick<InboundRequest, 'headers' | 'sourceIp'>, request: ClientRequest) => Span;

/**
 * Spans of calls, in the names of OpenTelemetry's conventions for MCP and ours (docs/telemetry.md). A call is a child
 * of the span that its `_meta` names; that of the HTTP request, should it be another, is a link. Without `_meta` the
 * HTTP request's is the parent.
 * @param gatewayUrl where agents reach the gateway
 */
export function createCallTracing(tracer: Tracer, gatewayUrl: string): TraceCall {
  const ofGateway = { ...describeAddress(new URL(gatewayUrl)), 'network.protocol.version': '1.1' };
  return ({ headers, sourceIp }, request) => {
    const { method, version, id, meta, session, operation } = request;
    const [ofMessage, ofHttp] = [meta?.['traceparent'], headers.get('traceparent')];
    const isNamed = typeof ofMessage === 'string';
    const target = operation.type === 'call' || operation.type === 'prompt' ? operation.name : undefined;
    const { name, attributes } = describeSpan(method, target);
    return tracer.start({
      name,
      kind: 'server',
      parent: isNamed ? ofMessage : ofHttp,
      link: isNamed ? ofHttp : undefined,
      attributes: {
        ...ofGateway,
        ...attributes,
        'mcp.protocol.version': version,
        'mcp.session.id': session?.id,
        'jsonrpc.request.id': String(id),
        'client.address': sourceIp ?? undefined,
      },
    });
  };
}

/**
 * What a client can do wrong: the server did well to say so (conventions for MCP, error.type of servers). What is not
 * JSON, no request, no method, no parameters, no resource.
 */
const FAULTS_OF_CLIENT: ReadonlySet<number> = new Set([-32_700, -32_600, -32_601, -32_602, -32_002]);

/** Ends the span of a call with what its record says, at the moment of the record. */
export function endCallSpan(span: Span, record: CallRecord): void {
  const { server, clientId, decision, policies, errorCode } = record;
  const decided = [policies?.clientToGateway, policies?.gatewayToServer].filter((id) => typeof id === 'string');
  span.set({
    'rpc.response.status_code': errorCode === undefined ? undefined : String(errorCode),
    'sallyport.server': server,
    'sallyport.agent.id': clientId,
    'sallyport.decision': decision,
    'sallyport.policy.id': decided.length === 0 ? undefined : decided,
  });
  const errorType = errorTypeOf(record);
  if (errorType !== undefined) span.fail(errorType);
  span.end();
}

/** `error.type` of a call; undefined where nothing failed on our side or behind us. */
export function errorTypeOf({ errorCode, isToolError, reason }: CallRecord): string | undefined {
  if (isToolError === true) return 'tool_error';
  if (errorCode !== undefined) return FAULTS_OF_CLIENT.has(errorCode) ? undefined : String(errorCode);
  return reason === 'internal_error' || reason === 'client_gone' ? reason : undefined;
}
