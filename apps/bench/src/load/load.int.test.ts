import { once } from 'node:events';
import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createUpstream } from '../subjects/upstream.js';
import { beginSession, legacyCalls, modern, modernCalls } from './mcp-request.js';
import { checkAnswers } from './check-answers.js';
import { nodeLoad } from './node-load.js';
import { primeWith } from './prime.js';
import { findWrk } from './wrk.js';

const route = { path: '/modern/one/2', server: 'one', toolName: (tool: string) => tool };
let upstream: Server;
let origin: string;
beforeAll(async () => {
  upstream = createUpstream().listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const address = upstream.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  origin = `http://127.0.0.1:${address.port}`;
});
afterAll(() => {
  upstream.closeAllConnections();
  upstream.close();
});
const servedCalls = async () => ((await (await fetch(`${origin}/served`)).json()) as { served: number }).served;

const kinds = { wrk: findWrk, 'a process of Node': async () => nodeLoad('apps/bench/dist/role.js') };
describe.each(Object.entries(kinds))('a load from %s', (_name, find) => {
  test('is as many requests as the server answered, of every kind in the order', async () => {
    const load = await find();
    const before = await servedCalls();
    const order = { origin, requests: modernCalls(route, 100), connections: 4, seconds: 1, thinkMs: 0 };
    const result = await load.run(order);
    const served = (await servedCalls()) - before;
    expect(result.errors).toBe(0);
    expect(result.requests).toBeGreaterThan(order.connections);
    expect(served).toBeGreaterThanOrEqual(result.requests);
    expect(served - result.requests).toBeLessThanOrEqual(order.connections);
    expect(result.p50).toBeLessThanOrEqual(result.p99);
    expect(result.p99).toBeLessThanOrEqual(result.max);
  });

  test('of connections that pause is slower than one of connections that do not', async () => {
    const load = await find();
    const requests = modernCalls(route, 10);
    const paused = await load.run({ origin, requests, connections: 4, seconds: 1, thinkMs: 100 });
    expect(paused.requests / paused.seconds).toBeLessThan(4 / 0.05);
    expect(paused.requests).toBeGreaterThan(0);
  });

  test('counts what is answered with an error', async () => {
    const load = await find();
    const requests = modernCalls(route, 10).map((request) => ({
      ...request,
      body: request.body.replace('"method":"tools/call"', '"method":"nobody/knows"'),
    }));
    const result = await load.run({ origin, requests, connections: 2, seconds: 1, thinkMs: 0 });
    expect(result.errors).toBeGreaterThan(0);
    expect(result.errors).toBe(result.requests);
  });
});

test('an answer of another server is seen in the sample', async () => {
  const elsewhere = modernCalls(route, 10).map((request) => ({ ...request, path: '/modern/other/2' }));
  await expect(primeWith(origin, elsewhere, { attempts: 1 })).rejects.toThrow(/other says/);
  const checking = checkAnswers(origin, elsewhere, { everyMs: 1 });
  await expect.poll(servedCalls).toBeGreaterThan(0);
  const { checked, errors, wrong } = await checking.stop();
  expect(errors).toBe(checked);
  expect(wrong[0]).toMatch(/^200 .*other says/);
});

test('a session of 2025-11-25 is begun, and its calls are answered', async () => {
  const path = '/legacy/old/2';
  const sessions = [{ id: await beginSession(origin, path), token: undefined }];
  await primeWith(origin, legacyCalls({ ...route, path, server: 'old' }, 10, sessions));
});

test('long answers are what was asked for', async () => {
  const wide = { ...route, path: '/modern/wide/500' };
  const expected = 'x'.repeat(1_000_000);
  await primeWith(origin, [
    ...modernCalls(wide, 2, { tool: 'big', args: { bytes: 1_000_000 }, expected }),
    modern(wide.path, 'tools/list', { index: 0, token: undefined, expected: '"name":"tool-500"' }),
  ]);
});
