import { randomUUID } from 'node:crypto';
import { Document } from '@sallyport/configuration';
import type { CallRecord } from '@sallyport/messages';
import { subjects } from '@sallyport/messages';
import { createMetrics } from '@sallyport/telemetry';
import { eventually, GeneratedJson, readJsonTexts } from '@sallyport/testing';
import type { ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { testUser } from './world/gateway-world.js';
import type { Leasing, TestUser } from './world/gateway-world.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const SEED = 20_261_130;
const STEPS = 220;
const eras = ['modern', 'sessions', 'sessionless'] as const;
type Era = (typeof eras)[number];
const TOOLS = ['open', 'open', 'small', 'secret', 'nowhere'] as const;

/** What the servers answer to a call just now. */
const kinds = [
  'plain',
  'plain',
  'plain',
  'error',
  'tool-error',
  'stream',
  'refused',
  'unauthorized',
  'charset',
  'chunked',
  'other-id',
  'close',
  'close-after-head',
  'twice-inside',
  'twice',
  'echo',
] as const;
type Kind = (typeof kinds)[number];

const message = (id: unknown, part: string) => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},${part}}`;
const resultText = (era: Era, text: string) =>
  `"result":{${era === 'modern' ? '"resultType":"complete",' : ''}"content":[],"structuredContent":${text}}`;

/** The same answer of both servers: to one gateway and to the other. */
function answerTo(era: Era, said: { kind: Kind; text: string }, { id, headers }: ScriptedRequest): ScriptedAnswer {
  const plain = message(id, resultText(era, said.text));
  switch (said.kind) {
    case 'plain':
      return { status: 200, body: plain };
    case 'error':
      return { status: 200, body: message(id, '"error":{"code":-32050,"message":"No more of it","data":{"n":1.0}}') };
    case 'tool-error':
      return { status: 200, body: plain.replace('"content"', '"isError":true,"content"') };
    case 'stream':
      return { status: 200, headers: { 'content-type': 'text/event-stream' }, body: `data: ${plain}\n\n` };
    case 'refused':
      return { status: 400, body: message(id, '"error":{"code":-32602,"message":"Not like this"}') };
    case 'unauthorized':
      return { status: 401, headers: { 'www-authenticate': 'Bearer' } };
    case 'charset':
      return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: plain };
    case 'chunked':
      return { status: 200, headers: { 'transfer-encoding': 'chunked' }, body: plain };
    case 'other-id':
      return { status: 200, body: message('somebody else', resultText(era, said.text)) };
    case 'twice':
      return { status: 200, body: plain.replace('{', '{"id":"first",') };
    case 'twice-inside':
      return {
        status: 200,
        body: plain.replace('"content":[]', '"content":[{"type":"text","text":"first"}],"content":[]'),
      };
    case 'close':
    case 'close-after-head':
      return said.kind;
    case 'echo':
      return { status: 200, body: message(id, resultText(era, JSON.stringify(headers['authorization'] ?? ''))) };
  }
}

const leasing: Leasing = ({ server }, { userId }) => ({
  type: 'granted',
  headers: { authorization: `Bearer ${server}-secret-of-${userId}` },
  connectionId: `con_${server}_${userId}`,
  connectionRevision: 1,
  expiresInSeconds: 600,
});

const policy = (server: Era, { when, hours }: { when?: string; hours?: string } = {}) =>
  Document.parse({
    kind: 'AccessPolicy',
    name: server,
    spec: {
      hop: 'gateway-to-server',
      server,
      credentialProvider: server,
      tools: [{ match: ['open', 'small'] }, { match: ['secret'], roles: ['boss'] }],
      ...(when === undefined ? {} : { when }),
      ...(hours === undefined ? {} : { conditions: { hours } }),
    },
  });

const whens = [
  undefined,
  'tool.name != "small" || tool.arguments == {}',
  'tool.name != "small"',
  'request.time > timestamp("2020-01-01T00:00:00Z")',
];

/** One of the two gateways, with servers of its own that answer the same. */
interface Side {
  readonly world: ScriptedWorld<Era>;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly tokens: Map<string, string>;
  readonly sessions: Map<string, string>;
}
const said: { kind: Kind; text: string } = { kind: 'plain', text: '{}' };
const tools = JSON.stringify(['open', 'small', 'secret'].map((name) => ({ name, inputSchema: { type: 'object' } })));

async function startSide(isWarmPathOn: boolean): Promise<Side> {
  const script = (era: Era) => ({
    era,
    tools,
    instead: (request: ScriptedRequest) => (request.method === 'tools/call' ? answerTo(era, said, request) : undefined),
  });
  const metrics = createMetrics();
  const world = await startScriptedWorld(
    { modern: script('modern'), sessions: script('sessions'), sessionless: script('sessionless') },
    { overrides: { isWarmPathOn, stalenessBoundMs: 3_600_000 }, leasing, metrics },
  );
  await world.change({ puts: eras.map((era) => policy(era)) });
  return { world, metrics, tokens: new Map(), sessions: new Map() };
}

let sides: readonly Side[];
beforeAll(async () => {
  sides = [await startSide(true), await startSide(false)];
});
afterAll(async () => {
  for (const side of sides ?? []) await side.world.close();
});

/** Lehmer's generator. */
function dice(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => (state = (state * 48_271) % 2_147_483_647) % limit;
}

class Run {
  readonly #below = dice(SEED);
  readonly #json = new GeneratedJson(SEED);
  readonly #users: TestUser[] = ['alice', 'bob', 'carol'].map(testUser);
  /** Whose calls to which server come one after the other for a while. */
  #looked: { readonly user: number; readonly era: Era } = { user: 0, era: 'modern' };
  #revision = 2;

  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)] ?? expect.fail('nothing to choose from');
  }

  async step(): Promise<string> {
    const what = this.#below(100);
    if (this.#below(6) === 0) this.#looked = { user: this.#below(this.#users.length), era: this.#pick(eras) };
    if (what < 90) return await this.#call();
    if (what < 94) return await this.#newPolicy();
    if (what < 96) return await this.#credentialChanged(this.#pick(this.#users));
    if (what < 98) return this.#timePasses();
    return await this.#revoke(this.#below(this.#users.length));
  }

  async #tokenOf({ world, tokens }: Side, user: TestUser): Promise<string> {
    const known = tokens.get(user.sid);
    if (known !== undefined) return known;
    const roles = user.subject === 'bob' ? ['boss'] : ['reader'];
    const token = await world.token(user, { roles });
    tokens.set(user.sid, token);
    return token;
  }

  async #call(): Promise<string> {
    const { era } = this.#looked;
    const user = this.#users[this.#looked.user] ?? expect.fail('nobody');
    const [tool, client] = [this.#pick(TOOLS), this.#pick(['modern', 'legacy'] as const)];
    Object.assign(said, { kind: this.#pick(kinds), text: this.#json.object() });
    const args = this.#below(3) === 0 ? '{}' : this.#json.object();
    const id = this.#pick<string | number>([7, 'seven', 9007199254740991]);
    const what = `${client} ${user.subject} calls ${era}__${tool}(${args}) with id ${id}, answered ${said.kind}`;
    const outcomes = [];
    for (const side of sides)
      outcomes.push(await this.#callAt(side, user, { client, id, args, name: `${era}__${tool}` }));
    expect(outcomes[0], what).toEqual(outcomes[1]);
    return what;
  }

  async #callAt(
    side: Side,
    user: TestUser,
    { client, id, args, name }: { client: 'modern' | 'legacy'; id: string | number; args: string; name: string },
  ) {
    const { world } = side;
    const [before, recorded] = [seenBy(side).length, world.records.length];
    const headers =
      client === 'modern' ? modernRequest('tools/call', { name }).headers : await this.#sessionHeaders(side, user);
    const meta =
      client === 'modern'
        ? ',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}'
        : '';
    const sessions = client === 'legacy' ? world.records.length - recorded : 0;
    const answer = await postByHand(world.url, await this.#tokenOf(side, user), {
      headers: { accept: 'application/json, text/event-stream', ...headers },
      body: `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":"tools/call","params":{"name":"${name}","arguments":${args}${meta}}}`,
    });
    await eventually(() => world.records.length > recorded + sessions, { until: 'the call is recorded' });
    return {
      status: answer.status,
      type: answer.headers.get('content-type'),
      cache: answer.headers.get('cache-control'),
      challenge: answer.headers.get('www-authenticate')?.replaceAll(new URL(world.url).origin, 'here'),
      text: answer.text,
      record: withoutChance(world.records.at(-1)),
      sent: seenBy(side).slice(before).map(asSent),
    };
  }

  async #sessionHeaders(side: Side, user: TestUser): Promise<Record<string, string>> {
    const { world, sessions } = side;
    const key = user.userId;
    let session = sessions.get(key);
    if (session === undefined) {
      const recorded = world.records.length;
      const opened = await postByHand(world.url, await this.#tokenOf(side, user), {
        body: {
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
        },
      });
      sessions.set(key, (session = opened.headers.get('mcp-session-id') ?? expect.fail('no session')));
      await eventually(() => world.records.length > recorded, { until: 'the handshake is recorded' });
    }
    return { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  }

  /** Everybody knows the change when this resolves. */
  async #change(change: Parameters<ScriptedWorld<Era>['change']>[0]): Promise<void> {
    this.#revision += 1;
    for (const { world } of sides) {
      await world.change(change);
      await eventually(
        async () => {
          const recorded = world.records.length;
          await postByHand(world.url, await world.token(testUser('looks')), modernRequest('server/discover'));
          await eventually(() => world.records.length > recorded, { until: 'the look is recorded' });
          return world.records.at(-1)?.policyRevision === this.#revision;
        },
        { until: `revision ${this.#revision} is known` },
      );
    }
  }

  async #newPolicy(): Promise<string> {
    const [server, when] = [this.#pick(eras), this.#pick(whens)];
    const hours = this.#below(4) === 0 ? 'Mon-Sun 00:00-24:00 UTC' : undefined;
    await this.#change({ puts: [policy(server, { ...(when && { when }), ...(hours && { hours }) })] });
    return `policy ${server}: ${when ?? 'everything'} ${hours ?? ''}`;
  }

  async #credentialChanged({ userId, subject }: TestUser): Promise<string> {
    const server = this.#pick(eras);
    const changed = { v: 1, connectionId: `con_${server}_${userId}`, userId, server, connectionRevision: 1 };
    for (const { world } of sides) await world.messaging.broadcast.publish(subjects.credentialChanged, changed);
    return `the account of ${subject} at ${server} changed`;
  }

  #timePasses(): string {
    for (const { world } of sides) if (world.clock.aheadMs < 500_000) world.clock.aheadMs += 31_000;
    return 'half a minute passes';
  }

  /** The session ends, and its user signs in again. */
  async #revoke(index: number): Promise<string> {
    const user = this.#users[index] ?? expect.fail('nobody');
    const now = Math.floor((Date.now() + (sides[0]?.world.clock.aheadMs ?? 0)) / 1000);
    const subject = { type: 'session' as const, sid: user.sid };
    await this.#change({
      revocations: [{ id: `rev_${randomUUID()}`, subject, notBefore: now + 60, expiresAt: now + 960 }],
    });
    this.#looked = { ...this.#looked, user: index };
    await this.#call();
    this.#users[index] = { ...user, sid: testUser(user.subject).sid };
    return `the session of ${user.subject} ends`;
  }
}

const seenBy = ({ world }: Side): readonly ScriptedRequest[] =>
  eras.flatMap((era) => world.servers[era].seen.filter(({ method }) => method === 'tools/call'));

/** What was sent, but for what is counted or drawn by lot in each gateway. */
function asSent({ raw, headers }: ScriptedRequest) {
  const { id: _id, ...body } = readJsonTexts(raw) as Record<string, unknown>;
  const { host: _host, 'mcp-session-id': _session, connection: _connection, ...rest } = headers;
  return { body: JSON.stringify(body), headers: rest };
}

function withoutChance(record: CallRecord | undefined) {
  const {
    id: _id,
    writer,
    receivedAt: _received,
    durationMs,
    upstreamMs,
    ...rest
  } = record ?? expect.fail('no record');
  expect(writer).toMatch(/^gateway-1\.[0-9a-f]{12}$/);
  if (upstreamMs !== undefined) expect(upstreamMs).toBeLessThanOrEqual(durationMs);
  return { ...rest, wasAtServer: upstreamMs !== undefined };
}

const countedAt = async ({ metrics }: Side, end: string): Promise<number> =>
  Number(new RegExp(`warm_calls_total\\{end="${end}"\\} (\\d+)`).exec(await metrics.exposition())?.[1] ?? 0);

describe('a gateway with the short-cut and one without', () => {
  test(
    'answer, send and record the same, whatever is called, answered, configured and revoked (R74, S10, S17)',
    { timeout: 240_000 },
    async () => {
      const run = new Run();
      const steps: string[] = [];
      for (let step = 0; step < STEPS; step++) steps.push(await run.step());
      const [withShortcut, without] = sides as readonly [Side, Side];
      expect(await countedAt(withShortcut, 'answered'), steps.join('\n')).toBeGreaterThan(20);
      expect(await countedAt(withShortcut, 'followed')).toBeGreaterThan(5);
      expect(await countedAt(without, 'answered')).toBe(0);
    },
  );
});
