import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { fillConnections, listenerLimits } from '@sallyport/testing';
import { afterEach, expect, test } from 'vitest';
import { startHealthServer } from './index.js';
import type { HealthServer, Readiness, RunningService } from './index.js';

const logger = createLogger({ name: 'test', level: 'silent' });
let server: HealthServer | undefined;
afterEach(() => server?.close());

const service = (name: string, readiness: Readiness): RunningService => ({
  name,
  urls: {},
  readiness: () => readiness,
  close: () => Promise.resolve(),
});

test('readiness is the worst of the services, with reasons; degraded still serves', async () => {
  const services: RunningService[] = [];
  server = await startHealthServer(0, '127.0.0.1', services, { logger });
  const ready = async () => {
    const response = await fetch(`${server?.url}/readyz`);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  expect(await ready()).toMatchObject({ status: 503, body: { status: 'not-ready', reasons: ['starting'] } });
  services.push(
    service('gateway', { status: 'ready', reasons: [] }),
    service('control-plane', { status: 'degraded', reasons: ['bus is down'] }),
  );
  expect(await ready()).toMatchObject({
    status: 200,
    body: { status: 'degraded', reasons: ['control-plane: bus is down'] },
  });
  services.push(service('worker', { status: 'not-ready', reasons: ['no database'] }));
  expect(await ready()).toMatchObject({ status: 503, body: { status: 'not-ready' } });
});

test('liveness, metrics and nothing else (R77)', async () => {
  const metrics = createMetrics();
  metrics.counter('sallyport.test', 'A test').bind().add();
  server = await startHealthServer(0, '127.0.0.1', [], { metrics, logger });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('sallyport_test_total');
  expect((await fetch(`${server.url}/`)).status).toBe(404);
  expect((await fetch(`${server.url}/healthz`, { method: 'POST' })).status).toBe(405);
});

test('a foreign Host is told nothing, not even on the right path (S19)', async () => {
  server = await startHealthServer(0, '127.0.0.1', [], {
    metrics: createMetrics(),
    logger,
    names: ['metrics.example.com'],
  });
  const { port } = new URL(server.url);
  const askedAs = async (host: string, path: string) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return (await text(socket)).slice(9, 12);
  };
  for (const path of ['/healthz', '/readyz', '/metrics', '/'])
    expect([path, await askedAs('evil.example', path)]).toEqual([path, '403']);
  expect([
    await askedAs(`127.0.0.1:${port}`, '/healthz'),
    await askedAs(`gateway:${port}`, '/healthz'),
    await askedAs('metrics.example.com', '/healthz'),
  ]).toEqual(['200', '200', '200']);
});

test('its listener has each limit (S33)', async () => {
  server = await startHealthServer(0, '127.0.0.1', [], { logger });
  const url = `${server.url}/healthz`;
  const outcomes = await Promise.all(
    listenerLimits.map(async ({ limit, provoke }) => [limit, await provoke(url)] as const),
  );
  for (const [index, { limit, refused }] of listenerLimits.entries())
    expect(outcomes[index]).toEqual([limit, expect.stringMatching(refused)]);
}, 60_000);

test('its listener keeps half of its connections from one address (S33)', async () => {
  server = await startHealthServer(0, '127.0.0.1', [], { logger });
  const { held, told, another } = await fillConnections(server.url, '127.0.0.9', 256);
  expect(held).toBeGreaterThan(100);
  expect(held).toBeLessThanOrEqual(128);
  expect([told, another]).toEqual([expect.stringMatching(/^HTTP\/1\.1 429 .*retry-after/s), true]);
});

test('what cannot be parsed is refused in words, as on every listener', async () => {
  server = await startHealthServer(0, '127.0.0.1', [], { logger });
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  socket.write('HELLO\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 .*"detail":"What arrived is not a request/s);
});
