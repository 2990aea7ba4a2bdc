// Makes what a deployment by docker-compose.yml keeps secret, in deploy/secrets: keys, bus users, passwords, and the NATS
// configuration that goes with the bus users. What exists is left alone.
//   node tools/run.mjs secrets
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { createNkey, natsServerConfig } from '@sallyport/messaging';

/** What deploy/Dockerfile says. */
const imageUser = 10001;
const directory = join(process.cwd(), 'deploy', 'secrets');
const roles = /** @type {const} */ (['control-plane', 'gateway', 'authorization-server', 'token-refresh-worker']);

/** @param {string} name @param {() => string} make */
function once(name, make) {
  const path = join(directory, name);
  if (!existsSync(path)) writeFileSync(path, `${make()}\n`, { mode: 0o600, flag: 'wx' });
  return readFileSync(path, 'utf8').trim();
}

const password = () => randomBytes(24).toString('base64url');

mkdirSync(join(directory, 'nats'), { recursive: true, mode: 0o700 });
await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway'] });
const users = roles.map((role) => {
  const key = createNkey();
  const publicNkey = once(`nats/${role}.nkey`, () => {
    once(`nats/${role}.seed`, () => key.seed.reveal());
    return key.publicNkey;
  });
  return { role, name: role, publicNkey };
});
writeFileSync(join(directory, 'nats', 'server.conf'), natsServerConfig({ host: '0.0.0.0', port: 4222, storeDir: '/data', users, monitoringPort: 8222 }), { mode: 0o600 });
const databasePassword = once('postgres-password', password);
once('pgpass', () => `postgres:5432:sallyport:sallyport:${databasePassword}`);
once('admin-token', () => randomBytes(32).toString('base64url'));
once('idp-client-secret', () => 'replace this line with what your identity provider gave you');
// Made by root, they would be root's alone: they go to the user the images run as.
const [uid, gid] = [process.getuid?.() || imageUser, process.getgid?.() || imageUser];
if (process.getuid?.() === 0) for (const path of [directory, ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name))]) chownSync(path, uid, gid);
const environment = join(process.cwd(), '.env');
if (!existsSync(environment)) writeFileSync(environment, `# The services read deploy/secrets as this user.\nSALLYPORT_UID=${uid}\nSALLYPORT_GID=${gid}\n`);
process.stdout.write(`deploy/secrets is complete. Next: put your identity provider's client secret into deploy/secrets/idp-client-secret, write deploy/sallyport.yaml (from deploy/sallyport.example.yaml), docker compose up --build\n`);
