// Makes what a deployment on Kubernetes keeps secret, as the Helm chart reads it: keys and bus users in a folder, once, and
// from them the Secrets and the values of NATS' own chart. Run again with more replicas, it makes what is missing.
//   node kubernetes-secrets.mjs --directory secrets --gateway 6 --namespace mcp
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureDeploymentKeys, writeOnce } from '@sallyport/keys';
import { ensureBusUsers, permissionsFor } from '@sallyport/messaging';

const { values } = parseArgs({
  options: {
    directory: { type: 'string' },
    namespace: { type: 'string' },
    gateway: { type: 'string', default: '6' },
    'authorization-server': { type: 'string', default: '2' },
    'control-plane': { type: 'string', default: '2' },
    'token-refresh-worker': { type: 'string', default: '2' },
  },
});
const roles = /** @type {const} */ (['control-plane', 'gateway', 'authorization-server', 'token-refresh-worker']);

/** @param {(typeof roles)[number]} role */
function replicasOf(role) {
  const count = Number(values[role]);
  if (!Number.isInteger(count) || count < 1 || count > 99) throw new Error(`--${role} is a number from 1 to 99`);
  return Array.from({ length: count }, (_, index) => `${role}-${index}`);
}

/** A Secret as `kubectl apply` takes it; JSON is YAML. @param {string} name @param {Record<string, string>} stringData */
const secret = (name, stringData) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...(values.namespace ? { namespace: values.namespace } : {}) },
  type: 'Opaque',
  stringData,
});

async function makeSecrets() {
  if (!values.directory) throw new Error('say where the files go: --directory <folder>');
  const directory = resolve(values.directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const replicas = roles.flatMap((role) => replicasOf(role).map((name) => ({ role, name })));
  const files = await ensureDeploymentKeys(join(directory, 'keys'), {
    gateways: replicasOf('gateway'),
    say: (sentence) => void process.stderr.write(`${sentence}\n`),
  });
  const users = await ensureBusUsers(join(directory, 'nkeys'), replicas);
  const adminToken = join(directory, 'admin-token');
  writeOnce(adminToken, () => `${randomBytes(32).toString('base64url')}\n`);

  /** @param {string} path */
  const read = (path) => readFileSync(path, 'utf8');
  /** @param {(typeof roles)[number]} role */
  const seedsOf = (role) =>
    Object.fromEntries(replicasOf(role).map((name) => [`${name}.seed`, read(join(directory, 'nkeys', `${name}.nk`))]));
  /** @param {string} ending @param {(name: string) => string} path */
  const ofGateways = (ending, path) =>
    Object.fromEntries(replicasOf('gateway').map((name) => [`${name}${ending}`, read(path(name))]));

  const secrets = [
    secret('sallyport-control-plane', {
      'configuration-signing.jwk': read(files.configurationSigning),
      'lease.jwk': read(files.lease),
      'lease-signing.jwk': read(files.leaseSigning),
      ...seedsOf('control-plane'),
    }),
    secret('sallyport-public-keys', {
      'configuration-signing.pub.jwk': read(files.configurationSigningPublic),
      'lease.pub.jwk': read(files.leasePublic),
      'lease-signing.pub.jwk': read(files.leaseSigningPublic),
    }),
    secret('sallyport-master-key', { 'master.key': read(files.master) }),
    secret('sallyport-admin-token', { 'admin-token': read(adminToken) }),
    secret('sallyport-gateway', {
      'gateway-state.key': read(files.gatewayState),
      ...ofGateways('.jwk', files.gatewayKey),
      ...seedsOf('gateway'),
    }),
    secret(
      'sallyport-enrolled-gateways',
      ofGateways('.pub.jwk', (name) => join(files.gateways, `${name}.pub.jwk`)),
    ),
    secret('sallyport-authorization-server', seedsOf('authorization-server')),
    secret('sallyport-token-refresh-worker', seedsOf('token-refresh-worker')),
  ];
  const out = join(directory, 'secrets.yaml');
  writeFileSync(out, secrets.map((one) => `---\n${JSON.stringify(one, null, 2)}\n`).join(''), { mode: 0o600 });
  const nats = join(directory, 'nats-values.yaml');
  writeFileSync(nats, `${JSON.stringify(natsValues(users), null, 2)}\n`);
  process.stdout.write(`${out}: kubectl apply --filename it, then keep the folder as safe as a backup, or remove it
${nats}: values for NATS' own chart (nats/nats), public
`);
}

/** @param {Awaited<ReturnType<typeof ensureBusUsers>>} users */
const natsValues = (users) => ({
  config: {
    jetstream: { enabled: true, fileStore: { pvc: { size: '10Gi' } } },
    merge: {
      max_payload: 1_048_576,
      accounts: {
        SALLYPORT: {
          jetstream: 'enabled',
          users: users.map((user) => {
            const { publish, subscribe, answers } = permissionsFor(user);
            return {
              nkey: user.publicNkey,
              permissions: {
                publish: { allow: publish },
                subscribe: { allow: subscribe },
                ...(answers ? { allow_responses: { max: 1, expires: '60s' } } : {}),
              },
            };
          }),
        },
      },
    },
  },
});

try {
  await makeSecrets();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
