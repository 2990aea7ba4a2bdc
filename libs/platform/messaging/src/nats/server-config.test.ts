import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { streams, subjects } from '@sallyport/messages';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createNkey, ensureBusUsers, inboxPrefixOf, natsServerConfig, nkeySeedFile, readNkeySeed } from '../index.js';
import { permissionsFor } from './permissions.js';

describe('permissions', () => {
  test('a gateway may publish lease requests, ended sessions, its own events, reads of the log and words to other gateways, and nothing else (S26)', () => {
    expect(permissionsFor({ role: 'gateway', name: 'gw-1' })).toEqual({
      publish: [
        'sallyport.v1.events.gw-1',
        'sallyport.v1.reports.gateway.gw-1',
        `$JS.API.DIRECT.GET.${streams.configuration}`,
        'sallyport.v1.reports.gateway.gw-1.*',
        subjects.lease,
        subjects.endMcpSessions,
        subjects.listEndedMcpSessions,
        'sallyport.v1.gateway.*',
        'sallyport.v1.gateway.*.*',
        'sallyport.v1.gateway-reply.*',
        'sallyport.v1.gateway-reply.*.*',
        'sallyport.v1.gateways',
      ],
      subscribe: [
        'sallyport.v1.configuration.*',
        '_INBOX_gw-1.>',
        subjects.credentialChanged,
        subjects.mcpSessionsEnded,
        'sallyport.v1.gateway.gw-1',
        'sallyport.v1.gateway.gw-1.*',
        'sallyport.v1.gateway-reply.gw-1',
        'sallyport.v1.gateway-reply.gw-1.*',
        'sallyport.v1.gateways',
      ],
      answers: false,
    });
  });
  test('only the control plane writes configuration; it answers, and the authorization server its commands (S26, S27)', () => {
    for (const role of ['gateway', 'authorization-server', 'token-refresh-worker'] as const) {
      const { publish, answers } = permissionsFor({ role, name: 'x' });
      expect(answers).toBe(role === 'authorization-server');
      expect(
        publish.filter(
          (subject) =>
            subject.startsWith('sallyport.v1.configuration') ||
            /^\$JS\.(?!API\.DIRECT\.GET\.SALLYPORT_CONFIGURATION$)/.test(subject),
        ),
      ).toEqual([]);
    }
    expect(permissionsFor({ role: 'control-plane', name: 'cp-1' }).publish).toContain('sallyport.v1.configuration.*');
  });
  test('nobody may listen to everything, and no name can widen a permission (S26)', () => {
    for (const role of ['gateway', 'authorization-server', 'token-refresh-worker', 'control-plane'] as const)
      expect(
        permissionsFor({ role, name: 'x' }).subscribe.filter((subject) => /^(>|\*|_INBOX\.|\$)/.test(subject)),
      ).toEqual([]);
    for (const name of ['>', '*', 'a.b', 'a b', '', 'GW', '-a', 'a--b', 'x'.repeat(64)])
      expect(() => inboxPrefixOf(name)).toThrow(expect.objectContaining({ code: 'bus_name_invalid' }));
  });
});

describe('server configuration', () => {
  test('names every user with its key and switches TLS and monitoring on when asked (S26)', () => {
    const { publicNkey } = createNkey();
    const text = natsServerConfig({
      host: '0.0.0.0',
      port: 4222,
      storeDir: '/data',
      users: [{ role: 'control-plane', name: 'cp-1', publicNkey }],
      tls: { certFile: '/tls/crt.pem', keyFile: '/tls/key.pem' },
      monitoringPort: 8222,
    });
    expect(text).toContain(`nkey: "${publicNkey}"`);
    expect(text).toContain('allow_responses { max: 1, expires: "60s" }');
    expect(text).toContain('cert_file: "/tls/crt.pem"');
    expect(text).toContain('http: "0.0.0.0:8222"');
    expect(text).not.toContain('no_auth_user');
  });
});

describe('bus users', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bus-users-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('seeds are made once, readable by their owner only, and found again', async () => {
    const replicas = [
      { role: 'gateway', name: 'gw-1' },
      { role: 'control-plane', name: 'cp-1' },
    ] as const;
    const first = await ensureBusUsers(join(directory, 'nkeys'), replicas);
    expect(await ensureBusUsers(join(directory, 'nkeys'), replicas)).toEqual(first);
    const file = nkeySeedFile(join(directory, 'nkeys'), 'gw-1');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readNkeySeed(file)).reveal()).toBe((await readFile(file, 'utf8')).trim());
    expect(natsServerConfig({ port: 1, storeDir: '/data', users: first })).not.toContain(
      (await readNkeySeed(file)).reveal(),
    );
  });
  test('a missing or wrong seed is one clear error that does not show it (S30)', async () => {
    await expect(readNkeySeed(join(directory, 'none.nk'))).rejects.toMatchObject({ code: 'nkey_unreadable' });
    await writeFile(join(directory, 'bad.nk'), 'hunter2');
    await expect(readNkeySeed(join(directory, 'bad.nk'))).rejects.toThrow(
      expect.objectContaining({ code: 'nkey_unreadable', message: expect.not.stringContaining('hunter2') }),
    );
  });
});
