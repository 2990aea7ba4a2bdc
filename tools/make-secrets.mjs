// Makes what a deployment by docker-compose.yml keeps secret, in deploy/secrets: keys, bus users, passwords, and the NATS
// configuration that goes with the bus users. What exists is left alone; half of a pair whose other half is lost is not
// made up for: everything is looked at before anything is written.
//   node tools/run.mjs secrets
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SallyportError, Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, writeOnce } from '@sallyport/keys';
import { createNkey, natsServerConfig, publicNkeyOf } from '@sallyport/messaging';

/** What deploy/Dockerfile says. */
const imageUser = 10001;
const directory = join(process.cwd(), 'deploy', 'secrets');
const roles = /** @type {const} */ (['control-plane', 'gateway', 'authorization-server', 'token-refresh-worker']);

/** @param {string} name */
const pathOf = (name) => join(directory, name);
/** @param {string} name */
const read = (name) => (existsSync(pathOf(name)) ? readFileSync(pathOf(name), 'utf8').trim() : undefined);
/** @param {string} name @param {() => string} make */
function once(name, make) {
  writeOnce(pathOf(name), () => `${make()}\n`);
  return read(name) ?? '';
}
const password = () => randomBytes(24).toString('base64url');
/** @param {string} word */
const pgpassOf = (word) => `postgres:5432:sallyport:sallyport:${word}`;

/** Each file that is made from another: the one it is from, and what that makes of it. */
const derived = [
  ...roles.map((role) => ({
    name: `nats/${role}.nkey`,
    from: `nats/${role}.seed`,
    of: (/** @type {string} */ seed) => publicNkeyOf(new Secret(seed), pathOf(`nats/${role}.seed`)),
  })),
  { name: 'pgpass', from: 'postgres-password', of: pgpassOf },
];

function refuseHalves() {
  for (const { name, from, of } of derived) {
    const [kept, source] = [read(name), read(from)];
    if (kept === undefined || (source !== undefined && of(source) === kept)) continue;
    const problem =
      source === undefined
        ? `is missing, and ${pathOf(name)}, which was made from it, is there`
        : `is not what ${pathOf(name)} was made from`;
    throw new SallyportError(
      'secret_missing',
      `The file ${pathOf(from)} ${problem}. Nothing was changed. Restore it from a backup, or remove ${pathOf(name)}, too: whatever runs with the old one must be given the new one.`,
    );
  }
}

async function makeSecrets() {
  refuseHalves();
  await ensureDeploymentKeys(pathOf('keys'), {
    gateways: ['gateway'],
    hasDatabase: existsSync(pathOf('postgres-password')),
    say: (sentence) => void process.stdout.write(`${sentence}\n`),
  });
  mkdirSync(pathOf('nats'), { recursive: true, mode: 0o700 });
  once('postgres-password', password);
  for (const role of roles) once(`nats/${role}.seed`, () => createNkey().seed.reveal());
  for (const { name, from, of } of derived) once(name, () => of(read(from) ?? ''));
  const users = roles.map((role) => ({ role, name: role, publicNkey: read(`nats/${role}.nkey`) ?? '' }));
  writeFileSync(
    pathOf('nats/server.conf'),
    natsServerConfig({ host: '0.0.0.0', port: 4222, storeDir: '/data', users, monitoringPort: 8222 }),
    { mode: 0o600 },
  );
  once('admin-token', () => randomBytes(32).toString('base64url'));
  once('idp-client-secret', () => 'replace this line with what your identity provider gave you');
  // Made by root, they would be root's alone: they go to the user the images run as.
  const [uid, gid] = [process.getuid?.() || imageUser, process.getgid?.() || imageUser];
  if (process.getuid?.() === 0)
    for (const path of [directory, ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(pathOf)])
      chownSync(path, uid, gid);
  const environment = join(process.cwd(), '.env');
  if (!existsSync(environment))
    writeFileSync(
      environment,
      `# The services read deploy/secrets as this user.\nSALLYPORT_UID=${uid}\nSALLYPORT_GID=${gid}\n`,
    );
  process.stdout.write(
    `deploy/secrets is complete. Next: put your identity provider's client secret into deploy/secrets/idp-client-secret, write deploy/sallyport.yaml (from deploy/sallyport.example.yaml), docker compose up --build\n`,
  );
}

try {
  await makeSecrets();
} catch (error) {
  if (!(error instanceof SallyportError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
