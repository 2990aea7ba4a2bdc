import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { createLegacyEverything } from './legacy-everything.js';
import { serveEverything } from './serve-everything.js';
import type { EverythingServer } from './serve-everything.js';
import type { Watch } from './surface.js';

/** The everything server on the v1 SDK: with sessions, as most deployed servers run it, or one instance a request. */
export async function startLegacyEverything({
  sessions = true,
}: { readonly sessions?: boolean } = {}): Promise<EverythingServer> {
  const watch: Watch = { started: 0, cancelled: 0 };
  const open = new Map<string, StreamableHTTPServerTransport>();

  const transportFor = async (request: IncomingMessage): Promise<StreamableHTTPServerTransport | undefined> => {
    const id = request.headers['mcp-session-id'];
    if (sessions && typeof id === 'string') return open.get(id);
    const transport = new StreamableHTTPServerTransport(
      sessions
        ? {
            sessionIdGenerator: randomUUID,
            onsessioninitialized: (opened) => void open.set(opened, transport),
            onsessionclosed: (closed) => void open.delete(closed),
          }
        : {},
    );
    // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the v1 transport's optional members predate exactOptionalPropertyTypes, which the linter does not weigh
    await createLegacyEverything(watch).connect(transport as Transport);
    return transport;
  };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const transport = await transportFor(request);
    if (transport === undefined) return void response.writeHead(404).end();
    if (!sessions) response.once('close', () => void transport.close());
    await transport.handleRequest(request, response);
  };
  return await serveEverything(
    (request, response) =>
      void handle(request, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      ),
    async () => {
      await Promise.all([...open.values()].map((transport) => transport.close()));
    },
    watch,
  );
}
