import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { Document } from '@sallyport/configuration';
import { subjects } from '@sallyport/messages';
import { createMetrics } from '@sallyport/telemetry';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest } from './world/by-hand.js';
import { testUser } from './world/gateway-world.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const NAME = 'modern__open';
const user = testUser('alice');

const VIEWS = 'io.modelcontextprotocol/ui';
const views = { [VIEWS]: { mimeTypes: ['text/html;profile=mcp-app'] } };
/** Arguments that the server refuses. */
const REFUSED = 'refuse me';
const refused = (id: unknown) =>
  JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32602, message: 'There is no such tool' } });
const listed = (id: unknown, tool: string) =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: {
      resultType: 'complete',
      ttlMs: 60_000,
      cacheScope: 'private',
      tools: [{ name: tool, inputSchema: { type: 'object' } }],
    },
  });

/** A gateway with the short-cut, and one without. */
interface Side {
  readonly world: ScriptedWorld<'modern'>;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly token: string;
  readonly boundToken: string;
}

async function startSide(isWarmPathOn: boolean): Promise<Side> {
  const metrics = createMetrics();
  const world = await startScriptedWorld(
    {
      modern: {
        era: 'modern',
        tools: '[{"name":"open","inputSchema":{"type":"object"}}]',
        instead: (asked) => {
          if (JSON.stringify(asked.params).includes(REFUSED)) return { status: 200, body: refused(asked.id) };
          return asked.method === 'tools/list' && JSON.stringify(asked.params).includes(VIEWS)
            ? { status: 200, body: listed(asked.id, 'other') }
            : undefined;
        },
        resultOf: () => '{"resultType":"complete","content":[]}',
      },
    },
    {
      overrides: { isWarmPathOn, allowedOrigins: ['https://inspector.example'], stalenessBoundMs: 3_600_000 },
      metrics,
    },
  );
  const from = { conditions: { sourceCidrs: ['127.0.0.1/32', '127.0.0.3/32'] } };
  await world.change({
    puts: [Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway', ...from } })],
  });
  const boundToken = await world.token(user, { cnf: { jkt: 'A'.repeat(43) } });
  return { world, metrics, token: await world.token(user), boundToken };
}

let sides: readonly Side[];
beforeAll(async () => {
  sides = [await startSide(true), await startSide(false)];
});
afterAll(async () => {
  for (const side of sides ?? []) await side.world.close();
});

interface Sent {
  readonly path?: string;
  readonly localAddress?: string;
  /** Replaces headers; an array repeats one. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly body?: string;
}

/** What every answer of the same kind has. */
function lasting({ date: _date, 'www-authenticate': challenge, ...headers }: IncomingHttpHeaders): object {
  return { ...headers, challenge: challenge?.replaceAll(/127\.0\.0\.1:\d+/g, 'here') };
}

/** Sends a call as it is told, and says what came of it. */
async function send({ world, token }: Side, { path = '/mcp', localAddress, headers = {}, params, body }: Sent = {}) {
  const [recorded, seen] = [world.records.length, world.servers.modern.seen.length];
  const plain = modernRequest('tools/call', { name: NAME, arguments: {}, ...params });
  const text = body ?? JSON.stringify(plain.body);
  const all = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    authorization: `Bearer ${token}`,
    ...plain.headers,
    ...headers,
  };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const answer = await new Promise<{ status: number | undefined; text: string; headers: object }>((resolve, reject) => {
    const outgoing = request(new URL(path, world.url), { method: 'POST', headers: given, localAddress }, (incoming) => {
      let said = '';
      incoming.setEncoding('utf8').on('data', (piece: string) => (said += piece));
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode, text: said, headers: lasting(incoming.headers) }),
      );
    });
    outgoing.on('error', reject).end(text);
  });
  const isRecorded = answer.status !== 403 || !answer.text.includes('urn:sallyport:problem:forbidden');
  if (isRecorded) await eventually(() => world.records.length > recorded, { until: 'the call is recorded' });
  const { decision, reason } = world.records.at(-1) ?? expect.fail('nothing is recorded');
  return {
    ...answer,
    text: answer.text.replaceAll(new URL(world.url).origin, 'here'),
    record: isRecorded ? { decision, reason } : 'none',
    sent: world.servers.modern.seen.slice(seen).filter(({ method }) => method === 'tools/call').length,
  };
}

const tasks = { 'io.modelcontextprotocol/tasks': {} };
const variants: readonly (readonly [string, (side: Side) => Sent])[] = [
  ['has another media type (S10)', () => ({ headers: { 'content-type': 'text/plain' } })],
  ['is compressed (S10)', () => ({ headers: { 'content-encoding': 'gzip' } })],
  ['repeats a header that counts (S10)', () => ({ headers: { 'mcp-name': [NAME, 'modern__other'] } })],
  ['names another tool in its header (S10)', () => ({ headers: { 'mcp-name': 'modern__other' } })],
  ['is no JSON', () => ({ body: '{"jsonrpc":' })],
  [
    'says a key twice (S10)',
    () => ({ body: `{"id":1,"id":2,"jsonrpc":"2.0","method":"tools/call","params":{"name":"${NAME}"}}` }),
  ],
  ['is for another host (S19)', () => ({ headers: { host: 'elsewhere.example' } })],
  ['comes from a page of another origin (S19)', () => ({ headers: { origin: 'https://evil.example' } })],
  ['comes from a page that may call (S19)', () => ({ headers: { origin: 'https://inspector.example' } })],
  [
    'shows its token as if it were bound to a key (S7)',
    ({ token }) => ({ headers: { authorization: `DPoP ${token}` } }),
  ],
  [
    'shows a token that is bound to a key without a proof (S7)',
    ({ boundToken }) => ({ headers: { authorization: `Bearer ${boundToken}` } }),
  ],
  ['has no token', () => ({ headers: { authorization: undefined } })],
  ['brings a state that is none of ours (S16)', () => ({ params: { requestState: 'made up' } })],
  ['brings answers nobody asked for (S16)', () => ({ params: { inputResponses: { a: {} } } })],
  [
    'could follow up a task',
    () => ({ params: { _meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: tasks } } } }),
  ],
  [
    'is of a client that is shown other tools (S14)',
    () => ({ params: { _meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: views } } } }),
  ],
  [
    'is for one server alone, under its own name (S12)',
    () => ({ path: '/mcp/modern', params: { name: 'open' }, headers: { 'mcp-name': 'open' } }),
  ],
  ['is for one server alone, under its public name (S12)', () => ({ path: '/mcp/modern' })],
  ['is for a server that is not there', () => ({ path: '/mcp/nowhere' })],
  ['comes from a network that is not allowed (R25)', () => ({ localAddress: '127.0.0.2' })],
  ['comes from another network that is allowed (R25)', () => ({ localAddress: '127.0.0.3' })],
  [
    'says it is forwarded (S19)',
    () => ({ headers: { 'x-forwarded-for': '10.9.8.7', 'x-forwarded-host': 'elsewhere.example' } }),
  ],
];

const warmCalls = async ({ metrics }: Side): Promise<number> =>
  Number(/warm_calls_total\{end="answered"\} (\d+)/.exec(await metrics.exposition())?.[1] ?? 0);

describe('a call after one that took the short-cut', () => {
  test.each(variants)('that %s is answered, recorded and sent as without it', async (_what, variant) => {
    const outcomes = [];
    for (const side of sides) {
      const before = await warmCalls(side);
      for (let i = 0; i < 2; i++) expect(await send(side)).toMatchObject({ status: 200, sent: 1 });
      expect((await warmCalls(side)) > before).toBe(side === sides[0]);
      // The second one meets what the first one left in memory.
      outcomes.push([await send(side, variant(side)), await send(side, variant(side))]);
    }
    expect(outcomes[0]).toEqual(outcomes[1]);
  });
});

const policy = (name: string, spec: object) => Document.parse({ kind: 'AccessPolicy', name, spec });
const atServer = (more: object) =>
  policy('modern', {
    hop: 'gateway-to-server',
    server: 'modern',
    credentialProvider: 'modern',
    tools: [{ match: ['*'] }],
    ...more,
  });

/** Changes the configuration of both, and waits until it decides. */
async function configure(document: Document, isThere: (side: Side) => Promise<boolean>): Promise<void> {
  for (const side of sides) {
    await side.world.change({ puts: [document] });
    await eventually(() => isThere(side), { until: 'the change decides' });
  }
}
const call = (side: Side, sent: Sent = {}) => send(side, sent);
const answersTo = async (side: Side, sent: Sent = {}) => (await call(side, sent)).record;
const listsSeen = ({ world }: Side) => world.servers.modern.seen.filter(({ method }) => method === 'tools/list').length;

test('a client that goes away in the middle of its request is recorded as gone, and breaks nothing (R74)', async () => {
  const outcomes = [];
  for (const side of sides) {
    const { world, token } = side;
    await call(side);
    const recorded = world.records.length;
    const { headers } = modernRequest('tools/call', { name: NAME });
    const outgoing = request(world.url, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        'content-length': '1000',
        authorization: `Bearer ${token}`,
      },
    });
    outgoing.on('error', () => undefined).write('{"jsonrpc":');
    const connected = world.servers.modern.seen.length;
    await call(side); // the first part has arrived by now
    outgoing.destroy();
    await eventually(() => world.records.length > recorded + 1, { until: 'both are recorded' });
    const { decision, reason } = world.records.at(-1) ?? expect.fail('nothing is recorded');
    outcomes.push({ decision, reason, sent: world.servers.modern.seen.length - connected });
    expect(await call(side)).toMatchObject({ status: 200, sent: 1 });
    expect(world.log()).not.toContain('short-cut broke');
  }
  expect(outcomes[0]).toEqual({ decision: 'invalid', reason: 'client_gone', sent: 1 });
  expect(outcomes[1]).toEqual(outcomes[0]);
});

describe('what a warm call left in memory', () => {
  test('decides no call with other arguments, where a policy looks at them (S10)', async () => {
    const of = (n: number): Sent => ({ params: { arguments: { n } } });
    await configure(
      atServer({ when: 'tool.arguments.n < 5' }),
      async (side) => (await answersTo(side, of(9))) !== 'none' && (await call(side, of(9))).sent === 0,
    );
    for (const side of sides) {
      for (let again = 0; again < 2; again++) expect(await call(side, of(1))).toMatchObject({ status: 200, sent: 1 });
      expect(await call(side, of(9))).toMatchObject({
        sent: 0,
        record: { decision: 'deny', reason: 'denied:expression_false' },
      });
      expect(await call(side, of(2))).toMatchObject({ status: 200, sent: 1 });
    }
    await configure(atServer({}), async (side) => (await call(side, of(9))).sent === 1);
  });

  test('is no credential any more once its account changed (R38)', async () => {
    for (const side of sides) {
      await call(side);
      const asked = side.world.leaseRequests.length;
      await call(side);
      expect(side.world.leaseRequests.length).toBe(asked);
      const connection = { connectionId: 'none', connectionRevision: 2 };
      const changed = { v: 1, server: 'modern', userId: user.userId, ...connection };
      await side.world.messaging.broadcast.publish(subjects.credentialChanged, changed);
      expect(await call(side)).toMatchObject({ status: 200, sent: 1 });
      expect(side.world.leaseRequests.length).toBe(asked + 1);
    }
  });

  test('finds the names of tools for longer than a minute, unless the server refused a call (R56)', async () => {
    for (const side of sides) {
      await call(side);
      const before = listsSeen(side);
      const readMore = async (more: number) => {
        expect(await call(side)).toMatchObject({ status: 200, sent: 1 });
        expect(listsSeen(side)).toBe(before + more);
      };
      side.world.clock.aheadMs += 120_000;
      await readMore(0);
      expect(await call(side, { params: { arguments: { text: REFUSED } } })).toMatchObject({ sent: 1 });
      await readMore(1);
    }
  });

  test('says for a minute what a tool is, where tools are approved (S14)', async () => {
    for (const { world } of sides) world.clock.aheadMs = 0;
    const sha256 = sides[0]?.world.records.findLast(({ definition }) => definition !== undefined)?.definition ?? '';
    const approved = { kind: 'ApprovedTools', name: 'modern', spec: { tools: [{ name: 'open', sha256 }] } };
    const revisionOf = ({ world }: Side) => world.records.at(-1)?.policyRevision ?? 0;
    const revisions = sides.map(revisionOf);
    await configure(Document.parse(approved), async (side) => {
      await call(side);
      return revisionOf(side) > (revisions[sides.indexOf(side)] ?? 0);
    });
    for (const side of sides) {
      await call(side);
      const before = listsSeen(side);
      side.world.clock.aheadMs += 59_000;
      await call(side);
      expect(listsSeen(side)).toBe(before);
      side.world.clock.aheadMs += 2_000;
      expect(await call(side)).toMatchObject({ status: 200, sent: 1 });
      expect(listsSeen(side)).toBe(before + 1);
      await side.world.change({ deletes: [{ kind: 'ApprovedTools', name: 'modern' }] });
    }
  });

  test('lets nobody in whose sign-in has become too old (R25)', async () => {
    for (const { world } of sides) world.clock.aheadMs = 0; // leases are asked for at the time of the day
    const young = { hop: 'client-to-gateway', conditions: { maxAuthAge: '5m' } };
    const [first] = sides;
    const revisionOf = ({ world }: Side) => world.records.at(-1)?.policyRevision ?? 0;
    const before = first === undefined ? 0 : revisionOf(first);
    await configure(policy('everyone', young), async (side) => {
      await call(side);
      return revisionOf(side) > before;
    });
    for (const side of sides) {
      const token = await side.world.token(user, { auth_time: Math.floor(Date.now() / 1000) - 270 });
      const late: Sent = { headers: { authorization: `Bearer ${token}` } };
      for (let again = 0; again < 2; again++) expect(await call(side, late)).toMatchObject({ status: 200, sent: 1 });
      side.world.clock.aheadMs += 31_000; // less than a listing is good for
      const refused = { sent: 0, record: { reason: 'not-admitted:authentication_too_old' } };
      expect(await call(side, late)).toMatchObject(refused);
    }
  });
});
