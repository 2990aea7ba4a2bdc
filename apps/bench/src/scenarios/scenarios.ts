import { beginSession, legacyCalls, modernCalls, type Route } from '../load/mcp-request.js';
import { pathOf, type BenchServer } from '../subjects/subject.js';
import type { Product } from '../subjects/product.js';
import type { Scenario } from './scenario.js';

const modernServer: BenchServer = { name: 'modern', era: 'modern' };
const legacyServer: BenchServer = { name: 'legacy', era: 'legacy' };
const two = { servers: [modernServer, legacyServer] };
/** Texts and request ids differ in so many calls, one after the other. */
const DIFFERENT_CALLS = 1_024;
const SESSIONS = 32;
const CONNECTIONS = 32;

/** The product has one endpoint and a prefix for each server; what only forwards has the server's path. */
const routeTo = (server: BenchServer, product: Product | undefined): Route => ({
  path: product === undefined ? pathOf(server) : '/mcp',
  server: server.name,
  toolName: (tool) => (product === undefined ? tool : `${server.name}__${tool}`),
});

export const scenarios: readonly Scenario[] = [
  {
    name: 'hot-modern',
    about: 'One user calls a tool of a 2026-07-28 server, as a 2026-07-28 client.',
    configuration: two,
    connections: CONNECTIONS,
    requests: async (_subject, product) =>
      modernCalls(routeTo(modernServer, product), DIFFERENT_CALLS, { tokens: (await product?.tokens(1)) ?? [] }),
  },
  {
    name: 'hot-legacy',
    about: 'One user calls a tool of a 2025-11-25 server in sessions, as a 2025-11-25 client in sessions.',
    configuration: two,
    connections: CONNECTIONS,
    async requests({ origin }, product) {
      const route = routeTo(legacyServer, product);
      const token = (await product?.tokens(1))?.[0];
      const sessions = [];
      for (let index = 0; index < SESSIONS; index++)
        sessions.push({ id: await beginSession(origin, route.path, token), token });
      return legacyCalls(route, DIFFERENT_CALLS, sessions);
    },
  },
];
