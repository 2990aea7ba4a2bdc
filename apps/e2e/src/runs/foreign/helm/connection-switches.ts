import {
  all,
  withVault,
  POD,
  container,
  variable,
  inEach,
  fromSecret,
  keySource,
  type Shown,
  type Switch,
} from './switch.js';

/** A key of the projected volume: its Secret and its item. `index`: its place among those of the service, by name. */
function keySwitches(key: string, file: string, places: readonly (readonly [service: string, index: number])[]) {
  return {
    [`keys.${key}.existingSecret`]: {
      to: 'mine',
      shows: places.map(([service, index]): Shown => [`StatefulSet/${service}`, `${keySource(index)}/name`, 'mine']),
    },
    [`keys.${key}.key`]: {
      to: 'its-item',
      shows: places.map(([service, index]): Shown => [
        `StatefulSet/${service}`,
        `${keySource(index)}/items`,
        [{ key: 'its-item', path: file }],
      ]),
    },
  };
}

const withUrl = { database: { url: 'postgresql://a@db/b', urlFrom: { existingSecret: '' } } };

/** PostgreSQL of the services, and of the migration. */
function databaseSwitches(prefix: string, places: readonly (readonly [resource: string, container: string])[]) {
  const inAll = (name: string, value: unknown): Shown[] =>
    places.map(([resource, inside]) => [resource, `${inside}/env/${name}`, value]);
  const beside = prefix === 'database' ? withUrl : { migration: withUrl };
  const password = (name: string, key: string) => ({ name: 'PGPASSWORD', valueFrom: fromSecret(key, name) });
  const from = (name: string, key: string) => ({ name: 'DATABASE_URL', valueFrom: fromSecret(key, name) });
  const withPassword =
    prefix === 'database'
      ? { database: { ...withUrl.database, passwordFrom: { existingSecret: 'mine' } } }
      : { migration: { database: { ...withUrl.database, passwordFrom: { existingSecret: 'mine' } } } };
  const withSecret = prefix === 'database' ? {} : { migration: { database: { urlFrom: { existingSecret: 'mine' } } } };
  return {
    [`${prefix}.url`]: {
      to: 'postgresql://c@db/d',
      beside,
      shows: inAll('DATABASE_URL', { name: 'DATABASE_URL', value: 'postgresql://c@db/d' }),
    },
    [`${prefix}.urlFrom.existingSecret`]: { to: 'other', shows: inAll('DATABASE_URL', from('other', 'uri')) },
    [`${prefix}.urlFrom.key`]: {
      to: 'item',
      beside: withSecret,
      shows: inAll('DATABASE_URL', from(prefix === 'database' ? 'sallyport-database-app' : 'mine', 'item')),
    },
    [`${prefix}.passwordFrom.existingSecret`]: {
      to: 'word',
      beside,
      shows: inAll('PGPASSWORD', password('word', 'password')),
    },
    [`${prefix}.passwordFrom.key`]: {
      to: 'item',
      beside: withPassword,
      shows: inAll('PGPASSWORD', password('mine', 'item')),
    },
  };
}

export const connectionSwitches: Record<string, Switch> = {
  ...databaseSwitches('database', [
    ...withVault.map((service) => [`StatefulSet/${service}`, container(service)] as const),
    ['Job/migration', container('migration')],
  ]),
  ...databaseSwitches('migration.database', [['Job/migration', container('migration')]]),
  'migration.enabled': { to: false, drops: ['Job/migration', 'NetworkPolicy/migration'] },
  'migration.activeDeadlineSeconds': { to: 60, shows: [['Job/migration', '/spec/activeDeadlineSeconds', 60]] },
  'migration.resources': {
    to: { limits: { memory: '3Gi' } },
    shows: [['Job/migration', `${container('migration')}/resources/limits/memory`, '3Gi']],
  },
  'migration.extraEnv': {
    to: [{ name: 'A', value: 'b' }],
    shows: [['Job/migration', `${container('migration')}/env/A/value`, 'b']],
  },
  'nats.url': {
    to: 'tls://a:4222,tls://b:4222',
    shows: all.map((service) => variable(service, 'NATS_URL', 'tls://a:4222,tls://b:4222')),
  },
  'nats.certificateAuthority.existingConfigMap': {
    to: 'mine',
    shows: [
      ...inEach(`${POD}/volumes/nats-authority/configMap/name`, 'mine'),
      ...all.map((service) => variable(service, 'NODE_EXTRA_CA_CERTS', '/run/sallyport/nats-authority/ca.crt')),
    ],
  },
  'nats.certificateAuthority.key': {
    to: 'root.pem',
    beside: { nats: { certificateAuthority: { existingConfigMap: 'mine' } } },
    shows: inEach(`${POD}/volumes/nats-authority/configMap/items`, [{ key: 'root.pem', path: 'ca.crt' }]),
  },
  'redis.url': {
    to: 'redis://r:6379',
    shows: [variable('token-refresh-worker', 'REDIS_URL', 'redis://r:6379')],
  },
  'redis.urlFrom.existingSecret': {
    to: 'mine',
    shows: [
      [
        'StatefulSet/token-refresh-worker',
        `${container('token-refresh-worker')}/env/REDIS_URL/valueFrom`,
        fromSecret('uri', 'mine'),
      ],
    ],
  },
  'redis.urlFrom.key': {
    to: 'item',
    beside: { redis: { urlFrom: { existingSecret: 'mine' } } },
    shows: [
      [
        'StatefulSet/token-refresh-worker',
        `${container('token-refresh-worker')}/env/REDIS_URL/valueFrom`,
        fromSecret('item', 'mine'),
      ],
    ],
  },
  'certificateAuthorities.existingConfigMap': {
    to: 'mine',
    shows: [
      ...inEach(`${POD}/volumes/authorities/configMap/name`, 'mine'),
      ...all.map((service) => variable(service, 'SALLYPORT_CA_FILES', '/run/sallyport/authorities/ca.crt')),
      ['Job/migration', `${POD}/volumes/authorities/configMap/name`, 'mine'],
    ],
  },
  'certificateAuthorities.keys': {
    to: ['a.pem', 'b.pem'],
    beside: { certificateAuthorities: { existingConfigMap: 'mine' } },
    shows: all.map((service) =>
      variable(service, 'SALLYPORT_CA_FILES', '/run/sallyport/authorities/a.pem,/run/sallyport/authorities/b.pem'),
    ),
  },
};

export const keyFileSwitches: Record<string, Switch> = {
  ...keySwitches('configurationSigning', 'configuration-signing.jwk', [['control-plane', 1]]),
  ...keySwitches('configurationSigningPublic', 'configuration-signing.pub.jwk', [
    ['gateway', 0],
    ['authorization-server', 0],
    ['token-refresh-worker', 0],
  ]),
  ...keySwitches('lease', 'lease.jwk', [['control-plane', 3]]),
  ...keySwitches('leasePublic', 'lease.pub.jwk', [['gateway', 2]]),
  ...keySwitches('leaseSigning', 'lease-signing.jwk', [['control-plane', 2]]),
  ...keySwitches('leaseSigningPublic', 'lease-signing.pub.jwk', [['gateway', 1]]),
  ...keySwitches('master', 'master.key', [
    ['authorization-server', 1],
    ['control-plane', 4],
    ['token-refresh-worker', 1],
  ]),
  ...keySwitches('adminToken', 'admin-token', [['control-plane', 0]]),
  'keys.gatewayState.existingSecret': {
    to: 'mine',
    shows: [['StatefulSet/gateway', `${keySource(3)}/name`, 'mine']],
  },
  'keys.gatewayState.keys': {
    to: ['new.key', 'old.key'],
    shows: [
      variable(
        'gateway',
        'SALLYPORT_GATEWAY_STATE_KEY_FILES',
        '/run/sallyport/keys/state/new.key,/run/sallyport/keys/state/old.key',
      ),
      ['StatefulSet/gateway', `${keySource(3)}/items/1`, { key: 'old.key', path: 'state/old.key' }],
    ],
  },
  'keys.gateways.existingSecret': {
    to: 'mine',
    shows: [['StatefulSet/gateway', `${POD}/volumes/replica-keys/secret/secretName`, 'mine']],
  },
  'keys.gateways.suffix': {
    to: '.key',
    shows: [
      [
        'StatefulSet/gateway',
        `${container('gateway')}/volumeMounts/replica-keys/subPathExpr`,
        '$(SALLYPORT_REPLICA).key',
      ],
    ],
  },
  'keys.enrolledGateways.existingSecret': {
    to: 'mine',
    shows: [['StatefulSet/control-plane', `${POD}/volumes/gateways/secret/secretName`, 'mine']],
  },
  'vault.keys': {
    to: ['aws-kms:a', 'vault-transit:b'],
    shows: withVault.map((service) => variable(service, 'SALLYPORT_VAULT_KEYS', 'aws-kms:a,vault-transit:b')),
  },
  'vault.tokenFrom.existingSecret': {
    to: 'mine',
    shows: [
      ...inEach(`${POD}/volumes/vault/secret/secretName`, 'mine', withVault),
      ...withVault.map((service) => variable(service, 'SALLYPORT_VAULT_TOKEN_FILE', '/run/sallyport/vault/token')),
    ],
  },
  'vault.tokenFrom.key': {
    to: 'item',
    beside: { vault: { tokenFrom: { existingSecret: 'mine' } } },
    shows: inEach(`${POD}/volumes/vault/secret/items`, [{ key: 'item', path: 'token' }], withVault),
  },
  'vault.namespace': {
    to: 'team',
    shows: withVault.map((service) => variable(service, 'SALLYPORT_VAULT_NAMESPACE', 'team')),
  },
};
