import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';

/** One request, sent again and again. */
const Shot = z.object({
  origin: z.string(),
  method: z.enum(['GET', 'POST', 'DELETE']),
  path: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  body: z.string().optional(),
});
export type Shot = z.input<typeof Shot>;

const Common = { gateways: z.array(z.string()).min(1), host: z.string(), seconds: z.number() };

/** What one attacker does; it comes as JSON in the first argument of the process. */
export const Attack = z.discriminatedUnion('type', [
  /** Agents that begin MCP sessions and end all of them at once, in rounds: each token begins `each` of them. */
  z.object({ type: z.literal('sessions'), ...Common, tokens: z.array(z.string()), each: z.number() }),
  /** Requests at a steady rate, whoever answers them; `perSecond` of each shot. */
  z.object({ type: z.literal('flood'), seconds: z.number(), perSecond: z.number(), shots: z.array(Shot) }),
  /** Bodies that begin and never go on: `count` connections to each. */
  z.object({
    type: z.literal('stalled'),
    seconds: z.number(),
    count: z.number(),
    bytes: z.number(),
    shots: z.array(Shot),
  }),
  /** One user with everything a token allows at once: slow calls, lists, large arguments, subscriptions. */
  z.object({ type: z.literal('heavy'), ...Common, token: z.string(), concurrency: z.number() }),
]);
export type Attack = z.input<typeof Attack>;

/** How often each answer came: by status, or `no answer` and its cause. */
export type AttackCounts = Record<string, number>;

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'attacker', version: '1.0.0' },
};
const ANSWER_MS = 30_000;
/** A flood does not wait for answers, up to so many of them. */
const IN_FLIGHT = 2_000;

class Attacker {
  readonly counts: AttackCounts = {};
  readonly #pools = new Map<string, Pool>();
  readonly #connections: number;

  constructor(connections: number) {
    this.#connections = connections;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** @returns the answer's headers, once its body has been read; `undefined` when there was none */
  async send(
    { origin, method, path, headers, body }: Shot,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, string | string[] | undefined>> | undefined> {
    let pool = this.#pools.get(origin);
    if (!pool)
      this.#pools.set(
        origin,
        (pool = new Pool(origin, {
          connections: this.#connections,
          pipelining: 1,
          headersTimeout: ANSWER_MS,
          bodyTimeout: ANSWER_MS,
        })),
      );
    try {
      const response = await pool.request({
        method,
        path,
        headers: headers ?? {},
        body: body ?? null,
        signal: signal ?? null,
      });
      this.count(String(response.statusCode));
      await response.body.dump();
      return response.headers;
    } catch (error) {
      if (signal?.aborted !== true)
        this.count(`no answer: ${error instanceof Error && 'code' in error ? String(error.code) : 'broken off'}`);
      return undefined;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }
}

function message(
  token: string,
  host: string,
  method: string,
  params: object,
): { headers: Record<string, string>; body: string } {
  const name = 'name' in params ? { 'mcp-name': String(params.name) } : {};
  const headers = {
    host,
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...name,
  };
  return { headers, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } }) };
}

async function sessions({
  gateways,
  host,
  seconds,
  tokens,
  each,
}: Extract<Attack, { type: 'sessions' }>): Promise<AttackCounts> {
  const attacker = new Attacker(256);
  const until = Date.now() + seconds * 1000;
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'attacker', version: '1.0.0' } },
  });
  const headersOf = (token: string) => ({
    host,
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  });
  let turn = 0;
  const gateway = () => gateways[turn++ % gateways.length] ?? '';
  do {
    const begun = await Promise.all(
      tokens.flatMap((token) =>
        Array.from({ length: each }, async () => {
          const answered = await attacker.send({
            origin: gateway(),
            method: 'POST',
            path: '/mcp',
            headers: headersOf(token),
            body,
          });
          const id = answered?.['mcp-session-id'];
          return typeof id === 'string' ? [{ token, id }] : [];
        }),
      ),
    );
    await Promise.all(
      begun.flat().map(({ token, id }) =>
        attacker.send({
          origin: gateway(),
          method: 'DELETE',
          path: '/mcp',
          headers: { ...headersOf(token), 'mcp-session-id': id },
        }),
      ),
    );
  } while (Date.now() < until);
  await attacker.close();
  return attacker.counts;
}

async function flood({ seconds, perSecond, shots }: Extract<Attack, { type: 'flood' }>): Promise<AttackCounts> {
  const attacker = new Attacker(128);
  const sent = new Set<Promise<unknown>>();
  const began = Date.now();
  let count = 0;
  while (Date.now() < began + seconds * 1000) {
    const due = ((Date.now() - began) / 1000) * perSecond;
    for (; count < due; count++) {
      for (const shot of shots) {
        if (sent.size >= IN_FLIGHT) {
          attacker.count('held back');
          continue;
        }
        // A name of its own each time, where the shot has a place for one.
        const one = attacker.send({ ...shot, path: shot.path.replaceAll('{n}', String(count)) });
        sent.add(one);
        void one.then(() => sent.delete(one));
      }
    }
    await pause(5);
  }
  await Promise.race([Promise.all(sent), pause(ANSWER_MS)]);
  await attacker.close();
  return attacker.counts;
}

async function stalled({ seconds, count, bytes, shots }: Extract<Attack, { type: 'stalled' }>): Promise<AttackCounts> {
  const counts: AttackCounts = {};
  const sockets = shots.flatMap(({ origin, method, path, headers = {} }) =>
    Array.from({ length: count }, () => {
      const { hostname, port, host } = new URL(origin);
      const socket = connect(Number(port), hostname);
      const lines = Object.entries({ host, ...headers, 'content-length': String(bytes) }).map(
        ([name, value]) => `${name}: ${value}`,
      );
      socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write('a'.repeat(bytes - 1));
      const ended = (how: string) => (counts[how] = (counts[how] ?? 0) + 1);
      socket.once('data', (answer) => ended(answer.toString('latin1').slice(9, 12)));
      socket.once('error', () => ended('broken off'));
      return socket;
    }),
  );
  await pause(seconds * 1000);
  for (const socket of sockets) socket.destroy();
  return counts;
}

async function heavy({
  gateways,
  host,
  seconds,
  token,
  concurrency,
}: Extract<Attack, { type: 'heavy' }>): Promise<AttackCounts> {
  const attacker = new Attacker(concurrency * 2);
  const over = AbortSignal.timeout(seconds * 1000);
  const large = 'x'.repeat(1_000_000);
  const gatewayOf = (index: number) => gateways[index % gateways.length] ?? '';
  const wishes = [
    ['tools/call', { name: 'wait', arguments: { milliseconds: 500 } }],
    ['tools/list', {}],
    ['tools/call', { name: 'echo', arguments: { text: large } }],
    ['subscriptions/listen', { notifications: { toolsListChanged: true } }],
    ['tools/call', { name: 'no-such-tool', arguments: {} }],
  ] as const;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, index) => {
      const [method, params] = wishes[index % wishes.length] ?? wishes[0];
      while (!over.aborted) {
        const asked = Date.now();
        await attacker.send(
          { origin: gatewayOf(index), method: 'POST', path: '/mcp/busy', ...message(token, host, method, params) },
          over,
        );
        // A refusal is answered at once: asking again in the same moment would only measure this loop.
        if (Date.now() - asked < 100) await pause(100);
      }
    }),
  );
  await attacker.close();
  return attacker.counts;
}

export function attack(wanted: Attack): Promise<AttackCounts> {
  switch (wanted.type) {
    case 'sessions':
      return sessions(wanted);
    case 'flood':
      return flood(wanted);
    case 'stalled':
      return stalled(wanted);
    case 'heavy':
      return heavy(wanted);
  }
}
