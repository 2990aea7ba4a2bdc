import type { SpanAttributes } from '@sallyport/telemetry';

/**
 * Name and attributes of a span for an MCP method, as OpenTelemetry's conventions for MCP have them: a tool and a
 * prompt are part of the name, a URI never is.
 * @param target the name of the tool, the prompt or the resource
 */
export function describeSpan(
  method: string,
  target: string | undefined,
): { readonly name: string; readonly attributes: SpanAttributes } {
  const common = { 'mcp.method.name': method };
  if (target === undefined) return { name: method, attributes: common };
  const name = `${method} ${target}`;
  switch (method) {
    case 'tools/call': {
      const tool = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': target };
      return { name, attributes: { ...common, ...tool } };
    }
    case 'prompts/get':
      return { name, attributes: { ...common, 'gen_ai.prompt.name': target } };
    default:
      return { name: method, attributes: common };
  }
}

/** Where a URL leads, in the conventions' words. */
export function describeAddress({ hostname, port, protocol }: URL): SpanAttributes {
  return {
    'network.transport': 'tcp',
    'network.protocol.name': 'http',
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}
