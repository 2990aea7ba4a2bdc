import { createMetrics } from '@sallyport/telemetry';
import { afterEach, expect, test } from 'vitest';
import { startHealthServer } from './index.js';
import type { HealthServer, Readiness, RunningService } from './index.js';

let server: HealthServer | undefined;
afterEach(() => server?.close());

const service = (name: string, readiness: Readiness): RunningService => ({ name, urls: {}, readiness: () => readiness, close: () => Promise.resolve() });

test('readiness is the worst of the services, with reasons; degraded still serves', async () => {
  const services: RunningService[] = [];
  server = await startHealthServer(0, '127.0.0.1', services);
  const ready = async () => {
    const response = await fetch(`${server?.url}/readyz`);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  expect(await ready()).toMatchObject({ status: 503, body: { status: 'not-ready', reasons: ['starting'] } });
  services.push(service('gateway', { status: 'ready', reasons: [] }), service('control-plane', { status: 'degraded', reasons: ['bus is down'] }));
  expect(await ready()).toMatchObject({ status: 200, body: { status: 'degraded', reasons: ['control-plane: bus is down'] } });
  services.push(service('worker', { status: 'not-ready', reasons: ['no database'] }));
  expect(await ready()).toMatchObject({ status: 503, body: { status: 'not-ready' } });
});

test('liveness, metrics and nothing else (R77)', async () => {
  const metrics = createMetrics();
  metrics.counter('sallyport.test', 'A test').bind().add();
  server = await startHealthServer(0, '127.0.0.1', [], { metrics });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('sallyport_test_total');
  expect((await fetch(`${server.url}/`)).status).toBe(404);
  expect((await fetch(`${server.url}/healthz`, { method: 'POST' })).status).toBe(405);
});
