import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** Made from another file, or such a file: what is lost alone cannot be made up for, unless it is derived again. */
const REFUSED = [
  'keys/master.key',
  'keys/configuration-signing.jwk',
  'keys/lease.jwk',
  'keys/lease-signing.jwk',
  'keys/gateways/gateway.jwk',
  'nats/gateway.seed',
  'nats/control-plane.seed',
  'nats/authorization-server.seed',
  'nats/token-refresh-worker.seed',
  'postgres-password',
];
const DERIVED = [
  'keys/configuration-signing.pub.jwk',
  'keys/lease.pub.jwk',
  'keys/lease-signing.pub.jwk',
  'keys/gateways/gateway.pub.jwk',
  'nats/gateway.nkey',
  'nats/control-plane.nkey',
  'nats/authorization-server.nkey',
  'nats/token-refresh-worker.nkey',
  'nats/server.conf',
  'pgpass',
];
const MADE_ANEW = ['keys/gateway-state.key', 'admin-token', 'idp-client-secret'];

describe('the secrets of a deployment of several containers', { timeout: 240_000 }, () => {
  let scratch: string;
  let whole: Record<string, string>;
  const secrets = () => join(scratch, 'deploy', 'secrets');
  const files = () =>
    Object.fromEntries(
      readdirSync(secrets(), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          relative(secrets(), join(entry.parentPath, entry.name)),
          readFileSync(join(entry.parentPath, entry.name), 'utf8'),
        ]),
    );
  const make = async () => {
    const app = await spawnApp({ entry: 'tools/make-secrets.mjs', cwd: scratch });
    const { code } = await app.exited;
    return { code, said: app.stderr().trim() };
  };
  beforeAll(async () => {
    scratch = makeScratch('secrets');
    expect(await make()).toEqual({ code: 0, said: '' });
    whole = files();
  }, 60_000);
  afterAll(() => removeScratch(scratch));

  test('are the files below, and making them again changes none', async () => {
    expect(Object.keys(whole).toSorted()).toEqual([...REFUSED, ...DERIVED, ...MADE_ANEW].toSorted());
    expect(await make()).toEqual({ code: 0, said: '' });
    expect(files()).toEqual(whole);
  });

  test('that lost one on which another depends are not made up for: it is named, and nothing is written', async () => {
    for (const name of REFUSED) {
      const kept = readFileSync(join(secrets(), name));
      rmSync(join(secrets(), name));
      const before = files();
      const { code, said } = await make();
      expect({ name, code, said }).toEqual({
        name,
        code: 1,
        said: expect.stringContaining(`${join(secrets(), name)} is missing`),
      });
      expect(said).toContain('Nothing was changed. Restore');
      expect(files()).toEqual(before);
      writeFileSync(join(secrets(), name), kept, { mode: 0o600 });
    }
  });

  test('that lost one made from another have it again as it was', async () => {
    for (const name of DERIVED) rmSync(join(secrets(), name));
    expect(await make()).toEqual({ code: 0, said: '' });
    expect(files()).toEqual(whole);
  });

  test('that lost one nothing else depends on have another', async () => {
    for (const name of MADE_ANEW) rmSync(join(secrets(), name));
    expect(await make()).toEqual({ code: 0, said: '' });
    expect(Object.keys(files()).toSorted()).toEqual(Object.keys(whole).toSorted());
  });
});
