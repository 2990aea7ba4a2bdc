import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Document } from '@sallyport/configuration';
import { afterEach, expect, test } from 'vitest';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';

const documents = [Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } })];
let world: GatewayWorld | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function discover(from: GatewayWorld, token?: string): Promise<number> {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const response = await fetch(from.url, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: meta } }),
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${token ?? (await from.token(testUser('alice')))}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'server/discover',
    },
  });
  await response.arrayBuffer();
  return response.status;
}

test('a gateway that hears nothing of the control plane serves up to the bound and then refuses, and says so (R22, B15)', async () => {
  world = await startGatewayWorld(documents, { stalenessBoundMs: 1_500 });
  const { gateway } = world;
  const known = await world.token(testUser('bob'));
  expect(await discover(world, known)).toBe(200);
  expect([await discover(world), gateway.readiness()]).toEqual([200, { status: 'ready', reasons: [] }]);
  world.silence();
  expect(await discover(world)).toBe(200);
  await expect
    .poll(() => gateway.readiness(), { timeout: 5_000 })
    .toEqual({ status: 'not-ready', reasons: ['the configuration is older than the staleness bound'] });
  expect([await discover(world), await discover(world, known)]).toEqual([503, 503]);
});

test('a call that could not be recorded is refused, and calls work again once events are shipped (R74)', async () => {
  world = await startGatewayWorld(documents, { spoolMaxBytes: 64 * 1024 });
  const { messaging, gateway } = world;
  const publishLines = messaging.events.publishLines.bind(messaging.events);
  messaging.events.publishLines = () => Promise.reject(new Error('no bus'));
  const statuses: number[] = [];
  while (statuses.length < 1_000 && statuses.at(-1) !== 503) statuses.push(await discover(world));
  expect([statuses[0], statuses.at(-1)]).toEqual([200, 503]);
  expect(gateway.readiness()).toMatchObject({
    status: 'not-ready',
    reasons: expect.arrayContaining(['the event spool refuses (full)']),
  });
  messaging.events.publishLines = publishLines;
  const current = world;
  await expect.poll(() => discover(current), { timeout: 5_000 }).toBe(200);
  expect(gateway.readiness().status).toBe('ready');
});

test('events wait on disk while the bus is away, without a token in them (R45) (R74)', async () => {
  world = await startGatewayWorld(documents);
  const { messaging, spoolDirectory, records } = world;
  const publishLines = messaging.events.publishLines.bind(messaging.events);
  messaging.events.publishLines = () => Promise.reject(new Error('no bus'));
  expect(await discover(world)).toBe(200);
  const onDisk = () =>
    readdirSync(spoolDirectory)
      .map((name) => readFileSync(join(spoolDirectory, name), 'utf8'))
      .join('');
  expect(onDisk()).toContain('server/discover');
  expect(onDisk()).not.toMatch(/eyJ|Bearer/);
  messaging.events.publishLines = publishLines;
  await expect.poll(() => records.some(({ method }) => method === 'server/discover'), { timeout: 5_000 }).toBe(true);
  await expect.poll(() => onDisk().trim()).toBe('');
});
