import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { environmentSchema } from './environment.js';

const root = process.cwd();

const Service = z.object({
  image: z.string(),
  build: z.object({ dockerfile: z.string(), args: z.object({ APP: z.string() }) }).optional(),
  user: z.string().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  healthcheck: z.record(z.string(), z.unknown()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z.array(z.string()).default([]),
  networks: z.union([
    z.array(z.string()),
    z.record(z.string(), z.unknown()).transform((networks) => Object.keys(networks)),
  ]),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
});
const Compose = z.object({
  services: z.record(z.string(), Service),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
  volumes: z.record(z.string(), z.unknown()),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});

const compose = Compose.parse(parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }));
const services = Object.entries(compose.services);
const ours = services.flatMap(([name, service]) =>
  service.build === undefined ? [] : [{ name, app: service.build.args.APP, service }],
);
/** As Compose substitutes it when `.env` sets nothing. */
const substituted = (value: string) => value.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

test('the four services are there, each built from its own app', () => {
  expect(ours.map(({ name, app }) => [name, app]).toSorted(([a = ''], [b = '']) => a.localeCompare(b))).toEqual(
    ['authorization-server', 'control-plane', 'gateway', 'token-refresh-worker'].map((name) => [name, name]),
  );
  for (const { service, app } of ours) {
    expect(existsSync(join(root, service.build?.dockerfile ?? '')), app).toBe(true);
    expect(existsSync(join(root, 'apps', app, 'src', 'main.ts')), app).toBe(true);
  }
});

test.each(ours)('$name is given an environment it accepts, and nothing it does not know', async ({ app, service }) => {
  const schema = environmentSchema(
    app,
    (await import(join(root, 'apps', app, 'src', 'config.ts'))) as Record<string, unknown>,
  );
  const known = new Set([...Object.keys(schema.shape), 'PGPASSFILE']);
  const environment = Object.fromEntries(
    Object.entries(service.environment).map(([name, value]) => [name, substituted(value)]),
  );
  expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([]);
  const { PGPASSFILE: _readByPostgresClient, ...settings } = environment;
  expect(
    schema.safeParse(settings).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [],
  ).toEqual([]);
});

test.each(services)('%s has every secret it names, as a file, and no other (S30)', (_name, service) => {
  const mounted = service.secrets.map((secret) => `/run/secrets/${secret}`);
  const named = [
    ...Object.values(service.environment),
    ...(service.image.startsWith('nats:') ? ['/run/secrets/nats-server.conf'] : []),
  ].filter((value) => value.startsWith('/run/secrets/'));
  expect(named.filter((path) => !mounted.includes(path))).toEqual([]);
  // The declarative file names this one.
  expect(mounted.filter((path) => !named.includes(path) && path !== '/run/secrets/idp-client-secret')).toEqual([]);
  expect(service.secrets.filter((secret) => !(secret in compose.secrets))).toEqual([]);
  for (const value of Object.values(service.environment)) expect(value).not.toMatch(/:\/\/[^/@]*:[^/@]*@/);
});

test.each(ours)(
  '$name runs without root, without capabilities, on a read-only file system, and says whether it is well',
  ({ service }) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(substituted(service.user ?? 'root')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(service.healthcheck).toHaveProperty('test');
  },
);

test('the gateway shares no network with a database, and nothing but our edges is published', () => {
  expect(compose.services['gateway']?.networks.toSorted()).toEqual(['bus', 'edge']);
  for (const name of ['postgres', 'redis', 'nats']) {
    const service = compose.services[name];
    expect(service?.ports, name).toEqual([]);
    expect(
      service?.networks.every((network) => compose.networks[network]?.internal === true),
      name,
    ).toBe(true);
  }
});

test('what a service mounts and waits for exists', () => {
  for (const [name, service] of services) {
    expect(
      Object.keys(service.depends_on).filter((other) => !(other in compose.services)),
      name,
    ).toEqual([]);
    expect(
      service.networks.filter((network) => !(network in compose.networks)),
      name,
    ).toEqual([]);
    expect(
      service.volumes
        .map((volume) => volume.split(':')[0] ?? '')
        .filter((source) => !source.startsWith('.') && !(source in compose.volumes)),
      name,
    ).toEqual([]);
  }
});
