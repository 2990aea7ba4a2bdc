import type { AddressInfo, Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createGuardedTls, type GuardOptions } from '@sallyport/safe-fetch';
import { eventually, startTestRsyslog, type TestRsyslog } from '@sallyport/testing';
import { createTestAuthority, type TestAuthority } from '@sallyport/testing/servers';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { openSyslog, type SinkRecord } from './index.js';

const never = new AbortController().signal;
const AT = Date.UTC(2026, 10, 30, 20, 0, 0, 500);
const record = (n: number, more: Partial<SinkRecord> = {}): SinkRecord => ({
  id: `evt_${n}`,
  at: AT,
  type: 'mcp.response',
  severity: 'info',
  body: JSON.stringify({ id: `evt_${n}`, text: 'é\\n"x"', long: 'x'.repeat(9_000) }),
  ...more,
});

let authority: TestAuthority;
let rsyslog: TestRsyslog | undefined;
beforeAll(async () => void (authority = await createTestAuthority()));
afterEach(async () => {
  await rsyslog?.stop();
  rsyslog = undefined;
});

const open = (port: number, guard: Partial<GuardOptions> = {}, idleMs = 5_000) =>
  openSyslog({
    host: 'localhost',
    port,
    hostname: 'sallyport.example',
    appName: 'sallyport',
    facility: 13,
    idleMs,
    connect: createGuardedTls({
      allow: [{ host: 'localhost' }],
      extraCertificateAuthorities: [authority.certificate],
      ...guard,
    }),
  });

test('rsyslog takes a batch by TLS, each message whole, and the batch after it is back (R78)', async () => {
  rsyslog = await startTestRsyslog(authority);
  const sink = open(rsyslog.port);
  const batch = [record(1), record(2, { severity: 'warning' }), record(3, { severity: 'error', type: 'a b.c' })];
  expect(await sink.deliver(batch, never)).toMatchObject({ type: 'taken' });
  await eventually(() => rsyslog?.received().length === 3);
  const header = (priority: number, id: string) => `${priority} sallyport.example sallyport ${id} `;
  expect(rsyslog.received()).toEqual([
    expect.stringMatching(`^${header(110, 'mcp.response')}\\s*\\{"id":"evt_1"`),
    expect.stringMatching(`^${header(108, 'mcp.response')}\\s*\\{"id":"evt_2"`),
    expect.stringMatching(`^${header(107, 'ab.c')}\\s*\\{"id":"evt_3"`),
  ]);
  const bodies = rsyslog.received().map((line) => line.slice(line.indexOf('{')));
  expect(bodies).toEqual(batch.map(({ body }) => body));
  await rsyslog.kill();
  expect(await sink.deliver([record(4)], never)).toMatchObject({ type: 'unavailable', reason: 'outbound_unreachable' });
  await rsyslog.restart();
  expect(await sink.deliver([record(4)], never)).toMatchObject({ type: 'taken' });
  await eventually(() => rsyslog?.received().length === 4);
});

test('a thousand events arrive in their order (R78)', async () => {
  rsyslog = await startTestRsyslog(authority);
  const batch = Array.from({ length: 1_000 }, (_, n) => record(n, { body: `{"n":${n}}` }));
  expect((await open(rsyslog.port).deliver(batch, never)).type).toBe('taken');
  await eventually(() => rsyslog?.received().length === 1_000);
  expect(rsyslog.received().map((line) => line.slice(line.indexOf('{')))).toEqual(batch.map(({ body }) => body));
});

test('rsyslog that asks for a client certificate takes events with one, and without one has none (R78)', async () => {
  rsyslog = await startTestRsyslog(authority, { asksClients: true });
  const { key: privateKey, cert: certificate } = await authority.issueClient('sallyport');
  expect(await open(rsyslog.port).deliver([record(1)], never)).toMatchObject({ type: 'unavailable' });
  const known = open(rsyslog.port, { clientCertificate: { certificate, privateKey } });
  expect(await known.deliver([record(2)], never)).toMatchObject({ type: 'taken' });
  await eventually(() => rsyslog?.received().length === 1);
  expect(rsyslog.received()[0]).toContain('evt_2');
});

test('a receiver that nobody vouches for, or that the guard does not allow, gets nothing (S19)', async () => {
  rsyslog = await startTestRsyslog(authority);
  const unknown = open(rsyslog.port, { extraCertificateAuthorities: [] });
  expect(await unknown.deliver([record(1)], never)).toMatchObject({ type: 'unavailable' });
  const refused = open(rsyslog.port, { allow: [] });
  expect(await refused.deliver([record(1)], never)).toMatchObject({ type: 'unavailable', reason: 'outbound_refused' });
  expect(rsyslog.received()).toEqual([]);
});

test('a receiver that breaks off, or reads nothing, has taken nothing (R78)', async () => {
  const { key, cert } = await authority.issue({ dns: ['localhost'] });
  const listen = async (server: Server) => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const rude = createTlsServer({ key, cert }, (socket) => void socket.once('data', () => socket.destroy()));
  rude.on('tlsClientError', () => undefined);
  const big = Array.from({ length: 200 }, (_, n) => record(n));
  expect(await open(await listen(rude)).deliver(big, never)).toMatchObject({
    type: 'unavailable',
    reason: 'syslog_interrupted',
  });
  const silent = createTlsServer({ key, cert, allowHalfOpen: true }, (socket) => void socket.pause());
  expect(await open(await listen(silent), {}, 300).deliver(big, never)).toMatchObject({
    type: 'unavailable',
    said: 'Nothing moved for 0.3 s.',
  });
  rude.close();
  silent.close();
});
