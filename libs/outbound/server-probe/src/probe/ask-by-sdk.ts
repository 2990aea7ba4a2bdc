import { Client, SdkHttpError, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import type { Conversation } from '../findings.js';
import { EXCHANGE_MS, USER_AGENT } from './probe-network.js';
import type { ProbeNetwork } from './probe-network.js';
import { MAX_PAGES, readTools, said, titleOf } from './read-tools.js';

const HOW = "tools/list by the official SDK's client";

/** Lists a server's tools as an agent on the official SDK would, which speaks both eras. Never rejects. */
export async function askBySdk(url: string, network: ProbeNetwork): Promise<Conversation> {
  const client = new Client(
    { name: USER_AGENT, version: '1.0.0' },
    { versionNegotiation: { mode: 'auto', probe: { timeoutMs: EXCHANGE_MS } }, listMaxPages: MAX_PAGES },
  );
  const transport = new StreamableHTTPClientTransport(new URL(url), { fetch: network.streamingFetch });
  const options = { timeout: EXCHANGE_MS, maxTotalTimeout: EXCHANGE_MS, signal: network.signal };
  try {
    await client.connect(transport, options);
    const { tools: definitions } = await client.listTools(undefined, options);
    const { tools, isCut } = readTools(definitions);
    const version = client.getNegotiatedProtocolVersion()?.slice(0, 32);
    const title = titleOf(client.getServerVersion());
    await transport.terminateSession().catch(() => undefined); // a courtesy
    return {
      outcome: 'listed',
      how: HOW,
      era: client.getProtocolEra() === 'modern' ? 'modern' : 'legacy',
      ...(version === undefined ? {} : { version }),
      ...(title === undefined ? {} : { title }),
      tools,
      isCut,
    };
  } catch (error) {
    return failed(error);
  } finally {
    await client.close().catch(() => undefined);
  }
}

function failed(error: unknown): Conversation {
  if (UnauthorizedError.isInstance(error)) return { outcome: 'wants-credential', how: HOW, status: 401 };
  const status = SdkHttpError.isInstance(error) ? error.status : undefined;
  if (status === 401 || status === 403) return { outcome: 'wants-credential', how: HOW, status };
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
  const words = said(error instanceof Error ? error.message : String(error));
  return { outcome: 'failed', how: HOW, reason: code.slice(0, 64), ...(words === '' ? {} : { said: words }) };
}
