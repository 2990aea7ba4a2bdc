import { makeDpopKey } from '@sallyport/testing';
import { beginSession, legacyCalls, modern, modernCalls, type McpRequest } from '../load/mcp-request.js';
import { readUsage } from '../measure/process-usage.js';
import type { BenchServer } from '../subjects/subject.js';
import { changeEverySecond } from './change-configuration.js';
import { inTurns } from './in-turns.js';
import type { Asking, Configuration, Scenario } from './scenario.js';

const modernServer: BenchServer = { name: 'modern', era: 'modern' };
const legacyServer: BenchServer = { name: 'legacy', era: 'legacy' };
const wideServer: BenchServer = { name: 'wide', era: 'modern', tools: 500 };
/** Nobody calls it: its approvals change. */
const changingServer: BenchServer = { name: 'changing', era: 'modern' };
const usual: Configuration = { servers: [modernServer, legacyServer, changingServer] };
const one: Configuration = { servers: [modernServer] };

/** Texts and request ids differ in so many calls, one after the other. */
const DIFFERENT_CALLS = 1_024;
const CONNECTIONS = 32;
const MANY_SESSIONS = 1_000;
const USERS = 10_000;
const BIG_BYTES = 10 * 1024 * 1024;
const BIG_AT_ONCE = 10;

async function hotModern({ routeTo, tokens }: Asking): Promise<McpRequest[]> {
  return modernCalls(routeTo(modernServer), DIFFERENT_CALLS, { tokens: await tokens(1) });
}

async function beginSessions({ origin, tokens, routeTo }: Asking, count: number, users: number) {
  const known = await tokens(users);
  const { path } = routeTo(legacyServer);
  return inTurns(
    Array.from({ length: count }, (_, index) => known[index % known.length]),
    async (token) => ({
      id: await beginSession(origin, path, token),
      token,
    }),
  );
}

/** Every proof is made for one request, right before it is sent (RFC 9449 section 4.2). */
async function provenCalls({ routeTo, tokens, origin, count }: Asking): Promise<McpRequest[]> {
  const key = await makeDpopKey();
  const [token = ''] = await tokens(1, { thumbprint: key.thumbprint });
  const calls = modernCalls(routeTo(modernServer), count);
  const url = `${origin}/mcp`;
  return Promise.all(
    calls.map(async (call) => ({
      ...call,
      headers: {
        ...call.headers,
        authorization: `DPoP ${token}`,
        dpop: await key.prove({ method: 'POST', url, token }),
      },
    })),
  );
}

/** Sessions as agents leave them for hours: begun, and used once, so that the server's own session is open too. */
async function idleSessions(asking: Asking): Promise<McpRequest[]> {
  asking.note('memory before any session, MiB', readUsage(asking.pid).rssMebibytes);
  const sessions = await beginSessions(asking, MANY_SESSIONS, 100);
  return legacyCalls(asking.routeTo(legacyServer), sessions.length, sessions);
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'hot-modern',
    about: 'One user calls a tool of a 2026-07-28 server, as a 2026-07-28 client.',
    configuration: usual,
    connections: CONNECTIONS,
    requests: hotModern,
  },
  {
    name: 'hot-legacy',
    about: 'One user calls a tool of a 2025-11-25 server in sessions, as a 2025-11-25 client in sessions.',
    configuration: usual,
    connections: CONNECTIONS,
    requests: async (asking) =>
      legacyCalls(asking.routeTo(legacyServer), DIFFERENT_CALLS, await beginSessions(asking, CONNECTIONS, 1)),
  },
  {
    name: 'hot-modern-changing',
    about: 'hot-modern, while an administrator changes the configuration every second.',
    configuration: usual,
    connections: CONNECTIONS,
    requests: hotModern,
    beside: (product) => changeEverySecond(product, changingServer.name),
  },
  {
    name: 'many-users',
    about: '10,000 users call in turn, each with a token and a credential of their own.',
    configuration: usual,
    connections: CONNECTIONS,
    requests: async ({ routeTo, tokens }) => modernCalls(routeTo(modernServer), USERS, { tokens: await tokens(USERS) }),
  },
  {
    name: 'dpop',
    about: 'hot-modern with a token that is bound to a key, and a proof of possession with each call.',
    configuration: usual,
    connections: CONNECTIONS,
    areSingle: true,
    requests: provenCalls,
  },
  {
    name: 'stream-10mb',
    about: 'Ten users at a time get an answer of 10 MiB.',
    configuration: usual,
    connections: BIG_AT_ONCE,
    checkEveryMs: 500,
    requests: async ({ routeTo, tokens }) =>
      modernCalls(routeTo(modernServer), BIG_AT_ONCE, {
        tokens: await tokens(BIG_AT_ONCE),
        tool: 'big',
        args: { bytes: BIG_BYTES },
        expected: 'x'.repeat(BIG_BYTES),
      }),
  },
  {
    name: 'sessions-1000',
    about: '1,000 sessions of 2025-11-25, of 100 users, are open and call in turn.',
    configuration: { servers: [legacyServer] },
    connections: CONNECTIONS,
    requests: idleSessions,
  },
  {
    name: 'list-500-warm',
    about: 'One user lists 500 tools that the gateway knows.',
    configuration: { servers: [wideServer] },
    connections: CONNECTIONS,
    mayBeRemembered: true,
    async requests({ routeTo, tokens }) {
      const { path, toolName } = routeTo(wideServer);
      const [token] = await tokens(1);
      const expected = `"name":"${toolName('tool-500')}"`;
      return Array.from({ length: DIFFERENT_CALLS }, (_, index) =>
        modern(path, 'tools/list', { index, token, expected }),
      );
    },
  },
  {
    name: 'policies-10000',
    about: 'hot-modern with 10,000 policies, beside the same with one.',
    configuration: { servers: [modernServer], furtherPolicies: 9_999 },
    comparedWith: one,
    connections: CONNECTIONS,
    requests: hotModern,
  },
  {
    name: 'servers-500',
    about: 'hot-modern with 500 servers, beside the same with one.',
    configuration: {
      servers: [
        modernServer,
        ...Array.from({ length: 499 }, (_, index) => ({ name: `further-${index}`, era: 'modern' as const })),
      ],
    },
    comparedWith: one,
    connections: CONNECTIONS,
    requests: hotModern,
  },
];
