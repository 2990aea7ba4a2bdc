import { isErrorOf } from '@sallyport/kernel';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { UnreachableReason } from '../findings.js';
import { isJsonObject } from '@sallyport/mcp-relay';
import { EXCHANGE_MS, USER_AGENT } from './probe-network.js';
import type { ProbeNetwork } from './probe-network.js';

/** What one harmless POST showed of an address. */
export type Look =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly contentType: string;
      /** Of a redirect: where to, as a whole address. */
      readonly location: string | undefined;
      readonly challenge: string | undefined;
      /** Whether the body is a JSON-RPC message. */
      readonly isJsonRpc: boolean;
    }
  | {
      readonly type: 'failed';
      readonly reason: UnreachableReason;
      readonly code: string;
      readonly said: string;
    };

const MAX_BODY_BYTES = 65_536;
const PING = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });

/** Posts a `ping`, as any client might, and looks at the answer as HTTP. Never rejects. */
export async function lookAtAddress(url: string, { dispatcher, signal }: ProbeNetwork): Promise<Look> {
  try {
    const answer = await request(url, {
      dispatcher,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'user-agent': USER_AGENT,
      },
      body: PING,
      signal: AbortSignal.any([signal, AbortSignal.timeout(EXCHANGE_MS)]),
      headersTimeout: EXCHANGE_MS,
      bodyTimeout: EXCHANGE_MS,
    });
    const location = headerOf(answer, 'location');
    const contentType = headerOf(answer, 'content-type') ?? '';
    return {
      type: 'answered',
      status: answer.statusCode,
      contentType,
      location: location !== undefined && URL.canParse(location, url) ? new URL(location, url).href : undefined,
      challenge: headerOf(answer, 'www-authenticate'),
      isJsonRpc: await isJsonRpc(answer, contentType),
    };
  } catch (error) {
    return { type: 'failed', ...failureOf(error) };
  }
}

/** Whether somebody stands there who speaks MCP, or asks for a credential before they do. */
export function isLikeMcp(look: Look): boolean {
  if (look.type === 'failed') return false;
  const { status, contentType, isJsonRpc: speaks } = look;
  if (status === 401 || speaks) return true;
  if (status === 403) return !isWebPage(look);
  return (status === 200 && contentType.startsWith('text/event-stream')) || status === 202;
}

export const isWebPage = (look: Look): boolean =>
  look.type === 'answered' && /^(text\/html|application\/xhtml)/i.test(look.contentType);

export const isRedirect = (look: Look): boolean =>
  look.type === 'answered' && look.status >= 300 && look.status < 400 && look.status !== 304;

function headerOf({ headers }: Dispatcher.ResponseData, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

async function isJsonRpc({ body }: Dispatcher.ResponseData, contentType: string): Promise<boolean> {
  if (!/\bjson\b/i.test(contentType)) {
    body.on('error', () => undefined).destroy();
    return false;
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return false;
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    return isJsonObject(value) && value['jsonrpc'] === '2.0';
  } catch {
    return false; // JSON by its type alone
  }
}

const TLS_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|EPROTO|HOSTNAME_MISMATCH)/;

/** Why an address cannot be asked, by error code; never by message. */
export function failureOf(error: unknown): {
  readonly reason: UnreachableReason;
  readonly code: string;
  readonly said: string;
} {
  const said = error instanceof Error ? error.message : String(error);
  if (isErrorOf(error, 'outbound_')) {
    const reason = { outbound_refused: 'refused-address', outbound_proxy_failed: 'proxy', outbound_timeout: 'timeout' };
    return {
      reason: (reason as Partial<Record<string, UnreachableReason>>)[error.code] ?? 'interrupted',
      code: error.code,
      said,
    };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return { reason: reasonOf(code, error), code, said };
}

function reasonOf(code: string, error: unknown): UnreachableReason {
  if (TLS_CODE.test(code)) return 'tls';
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'dns';
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return 'connection';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'ETIMEDOUT':
      return 'timeout';
    default:
      return error instanceof Error && error.name === 'TimeoutError' ? 'timeout' : 'interrupted';
  }
}
