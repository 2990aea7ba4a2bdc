import { join } from 'node:path';
import { signLogEntry, splitBase } from '@sallyport/configuration/log';
import type { RunningService } from '@sallyport/process';
import { Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadSigningKey, type DeploymentKeyFiles } from '@sallyport/keys';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import {
  createFakeClock,
  eventually,
  freePort,
  makeScratch,
  removeScratch,
  startTestPostgres,
  type TestPostgres,
} from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAuthorizationServer } from '../start-authorization-server.js';

const scratch = makeScratch('before-configuration');
const clock = createFakeClock(Date.now());
const lines: string[] = [];
let postgres: TestPostgres;
let messaging: Messaging;
let files: DeploymentKeyFiles;
let service: RunningService;
let issuer: string;
beforeAll(async () => {
  const [database, keys, port] = await Promise.all([
    startTestPostgres(),
    ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] }),
    freePort(),
  ]);
  [postgres, files, messaging, issuer] = [database, keys, createInProcessMessaging(), `http://127.0.0.1:${port}`];
  await messaging.events.consume(() => Promise.resolve());
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  service = await startAuthorizationServer(
    {
      issuer,
      gatewayUrl: 'http://127.0.0.1:7400',
      controlPlaneUrl: 'http://127.0.0.1:7402',
      host: '127.0.0.1',
      port,
      databaseUrl: new Secret(postgres.url),
      masterKeyFile: files.master,
      configurationVerifyKeyFile: files.configurationSigningPublic,
      replica: 'authorization-server',
      stalenessBoundMs: 60_000,
      maxConnections: 10_000,
      trustedProxies: [],
      allowedOrigins: ['https://app.example'],
      extraCertificateAuthorities: [],
    },
    { messaging, logger, clock },
  );
});
afterAll(async () => {
  await service.close();
  await messaging.close();
  await postgres.stop();
  removeScratch(scratch);
});

const programs = [
  ['GET', '/.well-known/oauth-authorization-server'],
  ['GET', '/.well-known/openid-configuration'],
  ['POST', '/token'],
  ['POST', '/register'],
  ['POST', '/par'],
  ['POST', '/revoke'],
  ['POST', '/introspect'],
  ['GET', '/nowhere'],
] as const;
const pages = [
  ['GET', '/authorize?client_id=x'],
  ['POST', '/authorize'],
  ['GET', '/interaction/x'],
  ['POST', '/interaction/x/consent'],
  ['GET', '/federation/callback?code=x&state=y'],
  ['GET', '/session/end'],
  ['POST', '/session/end'],
] as const;
const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
  fetch(`${issuer}${path}`, {
    method,
    headers,
    redirect: 'manual',
    ...(method === 'POST' ? { body: new URLSearchParams({ a: 'b' }) } : {}),
  });

const expectToBeAskedBack = async (): Promise<void> => {
  for (const [method, path] of programs) {
    const response = await ask(method, path);
    expect([path, response.status, response.headers.get('retry-after'), response.headers.get('cache-control')]).toEqual(
      [path, 503, '5', 'no-store'],
    );
    expect(await response.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: expect.stringContaining('try again'),
    });
  }
  for (const [method, path] of pages) {
    const response = await ask(method, path);
    expect([path, response.status, response.headers.get('retry-after')]).toEqual([path, 503, '5']);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(await response.text()).toContain('One moment, please');
  }
};

test('before its configuration has arrived every endpoint and page asks to come back, discovery too, and the keys are there', async () => {
  expect(service.readiness().status).toBe('not-ready');
  await expectToBeAskedBack();
  const keys = await ask('GET', '/jwks');
  expect([keys.status, ((await keys.json()) as { keys: unknown[] }).keys.length]).toEqual([200, 2]);
  const crossOrigin = await ask('POST', '/token', { origin: 'https://app.example' });
  expect([crossOrigin.status, crossOrigin.headers.get('access-control-allow-origin')]).toEqual([
    503,
    'https://app.example',
  ]);
  expect((await fetch(`${issuer}/token`, { method: 'POST', headers: { origin: 'https://evil.example' } })).status).toBe(
    403,
  );
  expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
});

test('with it they answer, and without a sign of the control plane for longer than the bound they ask to come back again (S27)', async () => {
  const { privateKey } = await loadSigningKey(files.configurationSigning);
  const chunks = splitBase({ epoch: 'e', revision: 1, documents: [], revocations: [] });
  await messaging.configuration.appendBase(
    1,
    await Promise.all(chunks.map((chunk) => signLogEntry(chunk, privateKey))),
  );
  await messaging.configuration.heartbeat(
    await signLogEntry({ v: 1, type: 'heartbeat', epoch: 'e', revision: 1, issuedAt: clock() }, privateKey),
  );
  await eventually(() => service.readiness().status === 'ready', { until: 'the configuration has arrived' });
  expect((await ask('GET', '/.well-known/oauth-authorization-server')).status).toBe(200);
  expect((await ask('POST', '/token')).status).toBe(400);
  await expectPagesToBeServed();
  clock.advance(60_001);
  await expectToBeAskedBack();
  expect((await ask('GET', '/jwks')).status).toBe(200);
});

/** An agent in a browser page: what it reads is public, and what it asks for is allowed to listed origins (S19). */
async function expectPagesToBeServed(): Promise<void> {
  const [listed, foreign] = ['https://app.example', 'https://evil.example'];
  const preflight = (origin: string, method: string, headers: string) => ({
    origin,
    'access-control-request-method': method,
    'access-control-request-headers': headers,
  });
  const seen = async (method: string, path: string, headers: Record<string, string>) => {
    const answer = await ask(method, path, headers);
    return [
      answer.status,
      answer.headers.get('access-control-allow-origin'),
      answer.headers.get('access-control-allow-headers')?.toLowerCase(),
    ];
  };
  for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration', '/jwks']) {
    expect(await seen('OPTIONS', path, preflight(foreign, 'GET', 'mcp-protocol-version'))).toEqual([
      204,
      '*',
      expect.stringContaining('mcp-protocol-version'),
    ]);
    for (const origin of [listed, foreign])
      expect(await seen('GET', path, { origin })).toEqual([
        200,
        expect.stringMatching(/^(?:\*|https:\/\/(?:app|evil)\.example)$/),
        undefined,
      ]);
  }
  for (const path of ['/register', '/token', '/revoke']) {
    expect(await seen('OPTIONS', path, preflight(listed, 'POST', 'content-type'))).toEqual([
      204,
      listed,
      expect.stringContaining('content-type'),
    ]);
    expect(await seen('POST', path, { origin: listed })).toEqual([expect.any(Number), listed, undefined]);
    expect(await seen('OPTIONS', path, preflight(foreign, 'POST', 'content-type'))).toEqual([403, null, undefined]);
    expect(await seen('POST', path, { origin: foreign })).toEqual([403, null, undefined]);
  }
}
