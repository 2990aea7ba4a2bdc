import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { natsServerConfig } from '../index.js';
import type { BusRole } from '../index.js';

test('the example configuration in deploy/nats is what this version writes (S26)', async () => {
  const roles: readonly BusRole[] = ['control-plane', 'gateway', 'authorization-server', 'token-refresh-worker'];
  const users = roles.map((role, index) => ({
    role,
    name: role,
    publicNkey: `U${'EXAMPLE'.repeat(7)}${'ABCD'[index]}AAAAAA`,
  }));
  const example = natsServerConfig({ port: 4222, storeDir: '/var/lib/sallyport/jetstream', users });
  expect(await readFile(new URL('../../../../../deploy/nats/nats-server.conf', import.meta.url), 'utf8')).toBe(example);
});
