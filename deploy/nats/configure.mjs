// Makes the nkeys of a deployment's replicas (kept when they exist) and the configuration of its NATS server.
// Run it after a build, and again whenever a replica is added: docs in README.md beside this file.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBusUsers, natsServerConfig } from '@sallyport/messaging';

const { values } = parseArgs({
  options: {
    directory: { type: 'string' },
    gateway: { type: 'string', multiple: true, default: ['gateway'] },
    'authorization-server': { type: 'string', multiple: true, default: ['authorization-server'] },
    'control-plane': { type: 'string', multiple: true, default: ['control-plane'] },
    'token-refresh-worker': { type: 'string', multiple: true, default: ['token-refresh-worker'] },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '4222' },
    'store-dir': { type: 'string' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    'monitoring-port': { type: 'string' },
  },
});

try {
  if (!values.directory) throw new Error('say where the files go: --directory <folder>');
  const directory = resolve(values.directory);
  const roles = /** @type {const} */ (['control-plane', 'gateway', 'authorization-server', 'token-refresh-worker']);
  const replicas = roles.flatMap((role) => (values[role] ?? []).map((name) => ({ role, name })));
  const users = await ensureBusUsers(join(directory, 'nkeys'), replicas);
  const { 'tls-cert': certFile, 'tls-key': keyFile, 'monitoring-port': monitoringPort } = values;
  const text = natsServerConfig({
    host: values.host,
    port: Number(values.port),
    storeDir: values['store-dir'] ?? join(directory, 'jetstream'),
    users,
    ...(certFile && keyFile ? { tls: { certFile, keyFile } } : {}),
    ...(monitoringPort ? { monitoringPort: Number(monitoringPort) } : {}),
  });
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'nats-server.conf'), text, { mode: 0o644 });
  process.stdout.write(`${join(directory, 'nats-server.conf')}: ${users.map(({ name }) => name).join(', ')}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
