import type { Client } from '@modelcontextprotocol/client';
import { createTaskSessionFromClient, resultFromTaskOutcome } from '@modelcontextprotocol/ext-tasks/client';
import { z } from 'zod';

/** A call's result, and whether it came as that of a task that was followed up. */
export interface Followed {
  readonly text: string;
  readonly wasTask: boolean;
}

const Answer = z.union([
  z.object({ result: z.json() }).transform(({ result }) => ({ kind: 'result' as const, result })),
  z
    .object({ error: z.object({ code: z.number(), message: z.string(), data: z.json().optional() }) })
    .transform(({ error: { data, ...error } }) => ({
      kind: 'error' as const,
      error: { ...error, ...(data === undefined ? {} : { data }) },
    })),
]);
const Sent = z.looseObject({
  method: z.string(),
  params: z.looseObject({ name: z.string().optional(), taskId: z.string().optional() }),
});
const Texts = z.looseObject({ content: z.array(z.looseObject({ text: z.string().optional() })) });

export interface Framing {
  readonly url: URL;
  readonly token: string;
  readonly revision: string;
  readonly capabilities: Record<string, z.core.util.JSONType>;
}

/**
 * Calls a tool as the extension's own package does, which follows up whatever comes back: the SDK's client does not
 * know tasks of 2026-07-28, and leaves their requests to us.
 */
export async function followCall(
  client: Client,
  { url, token, revision, capabilities }: Framing,
  name: string,
  args: Record<string, z.core.util.JSONType>,
): Promise<Followed> {
  let lastId = 1_000_000;
  const session = createTaskSessionFromClient(client, {
    endpointId: url.href,
    v2RequestFraming: {
      protocolVersion: revision,
      clientInfo: { name: 'matrix', version: '1.0.0' },
      clientCapabilities: capabilities,
    },
    rawDispatch: async (request) => {
      const { method, params } = Sent.parse(request);
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          authorization: `Bearer ${token}`,
          'mcp-protocol-version': revision,
          'mcp-method': method,
          'mcp-name': params.taskId ?? params.name ?? '',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method, params }),
      });
      const text = await response.text();
      const answer =
        response.headers.get('content-type') === 'text/event-stream'
          ? (text.trim().split('\n\n').at(-1)?.split('data: ')[1] ?? '')
          : text;
      return Answer.parse(JSON.parse(answer));
    },
  });
  try {
    const execution = await session.callTool(name, args);
    const { outcome } = await execution.settle();
    const { content } = Texts.parse(resultFromTaskOutcome(outcome));
    return { text: content.map(({ text }) => text ?? '').join(''), wasTask: execution.kind === 'task' };
  } finally {
    await session.close();
  }
}
