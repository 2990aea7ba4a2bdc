import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { demoConfiguration, demoUsers, FormBrowser, walkPages } from '@sallyport/demo';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logInAt } from '../agents/log-in.js';
import type { PersonName } from '../agents/person.js';
import { sallyport, type Ended } from '../system/command-line.js';
import { startStandalone } from '../system/start-standalone.js';

type Standalone = Awaited<ReturnType<typeof startStandalone>>;

/** A pipeline that administers, with a key of its own. */
const pipeline = (key: object) => `kind: Agent
name: deploy
spec:
  displayName: Deployment
  machine: { roles: [] }
  authentication:
    method: private_key_jwt
    keys: [${JSON.stringify(key)}]
---
kind: Administrators
name: pipelines
spec: { role: viewer, agents: [deploy] }
---
`;

describe('signing in on the command line', () => {
  let system: Standalone;
  let scratch: string;
  beforeAll(async () => {
    scratch = makeScratch('command-line-sign-in');
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(join(scratch, 'key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const key = { ...publicKey.export({ format: 'jwk' }), kid: 'deploy-1', alg: 'ES256', use: 'sig' };
    system = await startStandalone({ configure: (demo) => `${pipeline(key)}${demoConfiguration(demo)}` });
  });
  afterAll(async () => {
    await system?.stop();
    removeScratch(scratch);
  });

  /** Of somebody's machine: nothing but what their sign-ins leave. */
  const machineOf = (name: string) => ({ env: { XDG_CONFIG_HOME: join(scratch, name) }, cwd: scratch });

  const logIn = (name: PersonName, machine: string, ...more: string[]): Promise<Ended> =>
    logInAt(system.controlPlaneUrl, name, machineOf(machine), ...more);

  async function enter(browser: FormBrowser, url: string, code: string): Promise<void> {
    const asked = await browser.open(url);
    if (asked.type !== 'page') throw new Error(`${url} leads to ${asked.url.href}`);
    const landing = await walkPages(browser, await browser.submit(asked.page, { fields: { user_code: code } }), {
      credentials: () => demoUsers.find(({ username }) => username === 'admin'),
    });
    if (landing.type !== 'page' || !landing.page.text.includes('You are signed in'))
      throw new Error(landing.type === 'page' ? landing.page.text : landing.url.href);
  }

  test('an owner signs in, works, is refreshed and signs out; what is kept is theirs alone (R69, S29)', async () => {
    expect(await logIn('admin', 'admin', '--context', 'demo')).toMatchObject({
      exitCode: 0,
      stdout: `Signed in at ${system.controlPlaneUrl}, as context demo.\n`,
    });
    const kept = join(scratch, 'admin/sallyport/sign-ins/demo.json');
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    const first = JSON.parse(readFileSync(kept, 'utf8')) as { accessToken: string; refreshToken: string };
    const self = await sallyport(['whoami'], machineOf('admin'));
    expect(self).toMatchObject({ exitCode: 0, stderr: '' });
    expect(self.stdout).toMatch(/\(user usr_\w+\)\n.*context demo.*\nroles {2}owner\n/);

    writeFileSync(kept, JSON.stringify({ ...first, expiresAt: 0 }));
    const together = await Promise.all([1, 2, 3].map(() => sallyport(['keys'], machineOf('admin'))));
    expect(together.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    const second = JSON.parse(readFileSync(kept, 'utf8')) as { accessToken: string };
    expect(second.accessToken).not.toBe(first.accessToken);

    expect(await sallyport(['logout'], machineOf('admin'))).toMatchObject({
      exitCode: 0,
      stdout: 'Signed out of demo.\n',
    });
    expect(await sallyport(['status'], machineOf('admin'))).toMatchObject({ exitCode: 5 });
    writeFileSync(kept, JSON.stringify({ ...second, expiresAt: Date.now() + 600_000 }), { mode: 0o600 });
    expect(await sallyport(['status'], machineOf('admin'))).toMatchObject({ exitCode: 5 });
  });

  test('a terminal without a browser shows a code, which its user types in any browser (R69, S29)', async () => {
    let typed: Promise<void> | undefined;
    const ended = await sallyport(['login', system.controlPlaneUrl, '--device', '--context', 'far'], {
      ...machineOf('far'),
      watchErrors(stderr, kill) {
        const [, url, code] = /^Open (\S+) on any device and enter: (\S+)$/m.exec(stderr) ?? [];
        if (url === undefined || code === undefined || typed !== undefined) return;
        typed = enter(new FormBrowser(), url, code);
        typed.catch(() => kill('SIGINT')); // nobody enters it any more
      },
    });
    await typed;
    expect(ended).toMatchObject({ exitCode: 0, stdout: `Signed in at ${system.controlPlaneUrl}, as context far.\n` });
    expect(await sallyport(['status'], machineOf('far'))).toMatchObject({ exitCode: 0 });
  });

  test('who administers nothing is told so in the browser, and whoever waits ends it with Ctrl-C (S29)', async () => {
    const refused = await logIn('bob', 'bob').catch((error: unknown) => error);
    expect(String(refused)).toContain('You do not administer this gateway');
    expect(await sallyport(['--url', system.controlPlaneUrl, 'status'], machineOf('bob'))).toMatchObject({
      exitCode: 5,
    });
  });

  test('a pipeline proves itself with a key, may what its role may, and nothing is on its command line (S29)', async () => {
    const env = {
      SALLYPORT_URL: system.controlPlaneUrl,
      SALLYPORT_CLIENT_ID: 'deploy',
      SALLYPORT_CLIENT_KEY_FILE: 'key.pem',
    };
    expect(await sallyport(['status'], { env, cwd: scratch })).toMatchObject({ exitCode: 0 });
    const refused = await sallyport(['keys', 'rotate'], { env, cwd: scratch });
    expect(refused).toMatchObject({ exitCode: 5, stdout: '' });
    expect(refused.stderr).toContain('signing-keys:rotate');
  });
});
