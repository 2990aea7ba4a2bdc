import { randomBytes } from 'node:crypto';
import { createWriteStream, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { CallingOrder, type Called } from './journals.js';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'steady', version: '1.0.0' },
};
const TEXT = 'hello';
const ANSWER = `${TEXT.length} characters`;
const CONNECTIONS = 32;
const PATIENCE_MS = 30_000;

/** Calls a tool so many times a second, at each gateway in turn; a late answer delays no other call. */
async function callSteadily({ gateways, host, tokens, perSecond, journal }: CallingOrder): Promise<void> {
  const pools = gateways.map(
    (origin) => new Pool(origin, { connections: CONNECTIONS, pipelining: 1, headersTimeout: PATIENCE_MS }),
  );
  const lines = createWriteStream(journal);
  let isStopped = false;
  process.once('SIGTERM', () => (isStopped = true));
  const one = async (count: number): Promise<void> => {
    const gateway = count % gateways.length;
    const traceId = randomBytes(16).toString('hex');
    const sentAt = Date.now();
    const failure = await callOnce(pools[gateway], { host, token: tokens[count % tokens.length] ?? '', traceId });
    const called: Called = { traceId, gateway, sentAt, endedAt: Date.now(), ...(failure !== undefined && { failure }) };
    lines.write(`${JSON.stringify(called)}\n`);
  };
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  process.stdout.write('calling\n');
  for (let count = 0; !isStopped;) {
    const due = ((performance.now() - began) / 1000) * perSecond;
    while (count < due) {
      const call = one(count++);
      underWay.add(call);
      void call.then(() => underWay.delete(call));
    }
    await pause(2);
  }
  await Promise.all(underWay);
  await new Promise<void>((resolve) => lines.end(resolve));
  await Promise.all(pools.map((pool) => pool.close()));
}

/** @returns what came instead of a result */
async function callOnce(
  pool: Pool | undefined,
  { host, token, traceId }: { host: string; token: string; traceId: string },
): Promise<string | undefined> {
  const traceparent = `00-${traceId}-${traceId.slice(16)}-00`;
  const params = { name: 'echo', arguments: { text: TEXT }, _meta: { ...META, traceparent } };
  try {
    const answer = await pool?.request({
      method: 'POST',
      path: '/mcp/plain',
      headers: {
        host,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'echo',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
    });
    const text = await answer?.body.text();
    return answer?.statusCode === 200 && text?.includes(ANSWER) === true
      ? undefined
      : `answered ${answer?.statusCode}: ${text?.slice(0, 300)}`;
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    return code ?? message ?? 'no answer';
  }
}

const [order = ''] = process.argv.slice(2);
await callSteadily(CallingOrder.parse(JSON.parse(readFileSync(order, 'utf8'))));
