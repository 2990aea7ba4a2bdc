import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { freePorts, makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** What somebody sees whose first start fails: one line that says what to do, and an exit code that scripts notice. */
describe('npm start that cannot start', () => {
  let scratch: string;
  let taken: Server;
  let ports: Record<string, string>;
  beforeAll(async () => {
    scratch = makeScratch('start');
    taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const names = [
      'GATEWAY',
      'AUTHORIZATION_SERVER',
      'CONTROL_PLANE',
      'HEALTH',
      'DATABASE',
      'DEMO_IDP',
      'DEMO_NOTES',
      'DEMO_WHOAMI',
    ];
    const free = await freePorts(names.length);
    ports = Object.fromEntries(names.map((name, index) => [`SALLYPORT_${name}_PORT`, String(free[index])]));
  });
  afterAll(async () => {
    await new Promise((resolve) => taken.close(resolve));
    removeScratch(scratch);
  });

  const start = async (env: Record<string, string>) => {
    const app = await spawnApp({
      entry: 'apps/standalone/dist/main.js',
      env: { SALLYPORT_DATA_DIR: join(scratch, 'data'), ...ports, ...env },
    });
    const { code } = await app.exited;
    return { code, said: app.stderr().trim() };
  };

  test('names a taken port and the variable that moves it', async () => {
    const port = String((taken.address() as AddressInfo).port);
    expect(await start({ SALLYPORT_CONTROL_PLANE_PORT: port })).toEqual({
      code: 1,
      said: `sallyport: Port ${port} (control plane) is taken: stop what listens there, or set SALLYPORT_CONTROL_PLANE_PORT.`,
    });
    expect(await start({ SALLYPORT_DATABASE_PORT: port })).toEqual({
      code: 1,
      said: expect.stringContaining(`Port ${port} is taken`),
    });
  });

  test('names a data directory it cannot use', async () => {
    const file = join(scratch, 'a-file');
    writeFileSync(file, '');
    const { code, said } = await start({ SALLYPORT_DATA_DIR: file });
    expect(code).toBe(1);
    expect(said).toMatch(/^sallyport: The data directory .*a-file cannot be used .*SALLYPORT_DATA_DIR\.$/);
  });

  test('names a setting it does not know', async () => {
    expect(await start({ SALLYPORT_GATEWAY_PROT: '1' })).toEqual({
      code: 1,
      said: expect.stringContaining('did you mean SALLYPORT_GATEWAY_PORT?'),
    });
  });

  test('names file, line, column and field of a mistake in the declarative file, and leaves nothing running (R27)', async () => {
    const file = join(scratch, 'mistake.yaml');
    writeFileSync(
      file,
      'kind: McpServer\nname: notes\nspec:\n  url: http://127.0.0.1:1/mcp\n---\nkind: AccessPolicy\nname: open\nspec:\n  hop: gateway-to-server\n  server: notes\n',
    );
    const { code, said } = await start({ SALLYPORT_CONFIGURATION_FILE: file });
    expect(code).toBe(1);
    expect(said).toMatch(/mistake\.yaml:8:1:/);
    expect(said).toContain('credentialProvider');
  });
});

test('a gateway of several workers that cannot start ends, with the reason of a worker, and leaves none', async () => {
  const [port = 0, healthPort = 0] = await freePorts(2);
  const none = '/nonexistent';
  const app = await spawnApp({
    entry: 'apps/gateway/dist/main.js',
    env: {
      NATS_URL: 'nats://127.0.0.1:1',
      SALLYPORT_PORT: String(port),
      SALLYPORT_HEALTH_PORT: String(healthPort),
      SALLYPORT_GATEWAY_WORKERS: '2',
      SALLYPORT_NATS_SEED_FILE: `${none}/seed`,
      SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: none,
      SALLYPORT_LEASE_PUBLIC_KEY_FILE: none,
      SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE: none,
      SALLYPORT_GATEWAY_KEY_FILE: none,
      SALLYPORT_GATEWAY_STATE_KEY_FILES: none,
      SALLYPORT_SPOOL_DIR: none,
    },
  });
  const { code } = await app.exited;
  expect(code).toBe(1);
  const reason = 'The nkey seed /nonexistent/seed cannot be read.';
  const said = app.stderr().trim().split('\n');
  expect(said).toContain(`gateway: ${reason}`);
  expect(said).toContainEqual(expect.stringMatching(new RegExp(`^gateway: Worker [12] could not start: ${reason}$`)));
});
