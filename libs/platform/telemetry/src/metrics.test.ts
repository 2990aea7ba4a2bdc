import { expect, test } from 'vitest';
import { createMetrics } from './index.js';

test('counters, gauges and histograms are read as Prometheus text (R77)', async () => {
  const metrics = createMetrics();
  const allowed = metrics.counter('sallyport.gateway.calls', 'Calls by decision').bind({ decision: 'allow' });
  allowed.add();
  allowed.add(2);
  metrics.counter('sallyport.gateway.calls', 'Calls by decision').bind({ decision: 'deny' }).add();
  metrics.gauge('sallyport.bus.connected', 'One while the bus is reachable', () => 1);
  metrics
    .histogram('sallyport.gateway.call.duration', 'Duration of calls', { unit: 's', buckets: [0.1, 1] })
    .bind({ method: 'ping' })
    .record(0.5);
  const text = await metrics.exposition();
  expect(text).toContain('sallyport_gateway_calls_total{decision="allow"} 3');
  expect(text).toContain('sallyport_gateway_calls_total{decision="deny"} 1');
  expect(text).toMatch(/sallyport_bus_connected(\{\})? 1/);
  expect(text).toMatch(/sallyport_gateway_call_duration(_seconds|_s)?_bucket\{method="ping",le="1"\} 1/);
  await metrics.shutdown();
});

test('combinations of attributes are bounded', async () => {
  const metrics = createMetrics();
  const counter = metrics.counter('sallyport.test', 'Bounded');
  for (let i = 0; i < 1_500; i++) counter.bind({ i }).add();
  const text = await metrics.exposition();
  expect(text.split('\n').filter((line) => line.startsWith('sallyport_test_total')).length).toBe(1_001);
  expect(text).toMatch(/overflow="true"\} 500/);
});
