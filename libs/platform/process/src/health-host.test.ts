import { expect, test } from 'vitest';
import { createHealthHostGuard } from './health-host.js';

const isMeant = createHealthHostGuard(['metrics.example.com']);
const asked = (...hosts: string[]) => isMeant(['Accept', '*/*', ...hosts.flatMap((host) => ['Host', host])]);

test('probes by address, collectors by a name from inside, and names an administrator lists are meant for the health listener (S19)', () => {
  const hosts = [
    '127.0.0.1:7490',
    '10.42.0.7:7490',
    '[::1]:7490',
    '[fd00::7]',
    'localhost:7490',
    'gateway:7490',
    'my_service:7490',
    'sallyport-gateway.default.svc',
    'sallyport-gateway.default.svc.cluster.local:7490',
    'Metrics.Example.com:7490',
  ];
  expect(hosts.filter((host) => !asked(host))).toEqual([]);
});

test('a name that somebody outside can point at it is refused, and so is no host or more than one (S19)', () => {
  const hosts = [
    'evil.example:7490',
    'evil.example',
    'metrics.example.com.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    'svc.evil.example',
    'gateway.',
    '[::1',
    '[evil]',
    '',
    '127.0.0.1:99999999',
    'x y',
  ];
  expect(hosts.filter((host) => asked(host))).toEqual([]);
  expect([asked(), asked('127.0.0.1', 'evil.example'), asked('127.0.0.1', '127.0.0.1')]).toEqual([false, false, false]);
});
