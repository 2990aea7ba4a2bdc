import { connect } from 'node:net';
import type { McpCase } from './mcp-case.js';

export type McpAnswer =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly headers: ReadonlyMap<string, string>;
      readonly body: string;
    }
  /** The gateway closed the connection, as it may when the request was cut or is larger than it reads. */
  | { readonly type: 'closed' }
  | { readonly type: 'timed-out' };

/** A stream that goes on is left after this long without a word. */
const QUIET_MS = 400;
/** Silence for this long is a defect; a machine that is busy takes seconds to answer. */
const HANG_MS = 60_000;

/** Sends one case on a connection of its own, byte by byte as it says. */
export function sendMcpCase(
  origin: URL,
  { method, path, headers, body, pieces, cutAfter }: McpCase,
): Promise<McpAnswer> {
  return new Promise((resolve) => {
    const socket = connect({ host: origin.hostname, port: Number(origin.port) });
    const received: Buffer[] = [];
    const head = () => parseAnswer(Buffer.concat(received));
    let quiet: NodeJS.Timeout | undefined;
    const settle = (answer: McpAnswer): void => {
      clearTimeout(hang);
      clearTimeout(quiet);
      socket.destroy();
      resolve(answer);
    };
    const hang = setTimeout(() => settle({ type: 'timed-out' }), HANG_MS);
    socket.on('error', () => settle(head() ?? { type: 'closed' }));
    socket.on('close', () => settle(head() ?? { type: 'closed' }));
    socket.on('data', (chunk) => {
      received.push(chunk);
      const answer = head();
      if (answer?.type !== 'answered') return;
      if (answer.headers.get('content-type')?.includes('event-stream') !== true) return;
      clearTimeout(quiet);
      quiet = setTimeout(() => settle(head() ?? { type: 'closed' }), QUIET_MS);
    });
    socket.once('connect', () => {
      const chunked = pieces.length > 1;
      const length =
        body.length === 0 && method !== 'POST'
          ? []
          : [chunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`];
      const host = headers.some(([name]) => name === 'host') ? [] : [`host: ${origin.host}`];
      socket.write(
        [
          `${method} ${path} HTTP/1.1`,
          ...host,
          'connection: close',
          ...headers.map(([name, value]) => `${name}: ${value}`),
          ...length,
          '',
          '',
        ].join('\r\n'),
        'latin1',
      );
      let sent = 0;
      for (const size of pieces) {
        const until = Math.min(sent + size, cutAfter ?? body.length);
        const piece = body.subarray(sent, until);
        socket.write(
          chunked
            ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
            : piece,
        );
        sent += size;
        if (cutAfter !== undefined && sent >= cutAfter) return void socket.end();
      }
      if (chunked) socket.write('0\r\n\r\n');
    });
  });
}

function parseAnswer(bytes: Buffer): McpAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const rest = bytes.subarray(end + 4);
  return {
    type: 'answered',
    status: Number(statusLine.split(' ')[1]),
    headers,
    body:
      headers.get('transfer-encoding') === 'chunked'
        ? dechunk(rest)
        : rest.subarray(0, Number(headers.get('content-length') ?? rest.length)).toString('utf8'),
  };
}

function dechunk(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    const size = end < 0 ? 0 : Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (!(size > 0)) return Buffer.concat(parts).toString('utf8');
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
