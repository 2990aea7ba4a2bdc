import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, Agent } from 'node:https';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { openRawConnection } from '@sallyport/testing';
import { createTestAuthority, type TestAuthority } from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLimitedServer } from './limited-server.js';
import type { ListenerLimits } from './listener-limits.js';
import { ListenerCertificate } from './listener-certificate.js';
import { ListenerWatch } from './listener-watch.js';

let authority: TestAuthority;
let folder: string;
let files: { certificateFile: string; keyFile: string };
const servers: Server[] = [];
beforeAll(async () => {
  authority = await createTestAuthority();
  folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'));
  files = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function issue(): Promise<string> {
  const { cert, key } = await authority.issue({ dns: ['localhost'], ip: ['127.0.0.1'] });
  writeFileSync(files.certificateFile, cert);
  writeFileSync(files.keyFile, key);
  return cert;
}

async function start(limits: Partial<ListenerLimits> = {}) {
  const metrics = createMetrics();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const watch = new ListenerWatch({ name: 'test', logger, metrics, clock: () => 0 });
  const certificate = new ListenerCertificate(files);
  const server = createLimitedServer((_request, response) => void response.end('hello'), limits, watch, {
    certificate,
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const turnedAway = async () =>
    [...(await metrics.exposition()).matchAll(/turned_away_total\{.*reason="([^"]+)".*\} (\d+)/g)].map(
      ([, why, count]) => `${why} ${count}`,
    );
  return { port, certificate, turnedAway, isClosed: () => new Promise<void>((done) => server.close(() => done())) };
}

function get(port: number, agent: Agent): Promise<{ text: string; shown: PeerCertificate; socket: TLSSocket }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, agent, ca: authority.certificate }, (answer) => {
      const socket = answer.socket as TLSSocket;
      const shown = socket.getPeerCertificate();
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => resolve({ text, shown, socket }));
    });
    asked.on('error', reject).end();
  });
}
const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;

describe('a listener at which TLS ends (R67)', () => {
  test('serves HTTP/1.1 over TLS 1.2 or newer', async () => {
    await issue();
    const { port } = await start();
    const agent = new Agent();
    const { text, socket } = await get(port, agent);
    expect(text).toBe('hello');
    expect(socket.getProtocol()).toBe('TLSv1.3');
    agent.destroy();
    const refused = await new Promise<string>((resolve) => {
      const old = connect({
        host: '127.0.0.1',
        port,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ca: authority.certificate,
      });
      old.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
      old.on('secureConnect', () => resolve(old.getProtocol() ?? ''));
    });
    expect(refused).not.toMatch(/^TLS/);
  });

  test('a certificate that was replaced is shown to new connections; those that are open go on', async () => {
    const first = await issue();
    const { port, certificate } = await start();
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = await get(port, kept);
    expect(before.shown.serialNumber).toBe(serialOf(first));
    const second = await issue();
    expect(certificate.readAgain()).toBe(true);
    expect(certificate.readAgain()).toBe(false);
    const still = await get(port, kept);
    expect(still.socket).toBe(before.socket);
    const other = new Agent();
    expect((await get(port, other)).shown.serialNumber).toBe(serialOf(second));
    kept.destroy();
    other.destroy();
  });

  test('files that cannot be used are refused in words, and the pair before stays', async () => {
    const first = await issue();
    const { port, certificate } = await start();
    const { key } = await authority.issue({ ip: ['127.0.0.1'] });
    writeFileSync(files.keyFile, key);
    expect(() => certificate.readAgain()).toThrow(/cannot be used together/);
    const agent = new Agent();
    expect((await get(port, agent)).shown.serialNumber).toBe(serialOf(first));
    agent.destroy();
    rmSync(files.keyFile);
    expect(() => new ListenerCertificate(files)).toThrow(/tls\.key cannot be read: ENOENT/);
  });

  test('who speaks no TLS gets no answer, and is counted', async () => {
    await issue();
    const { port, turnedAway } = await start();
    const plain = await openRawConnection(`http://127.0.0.1:${port}`);
    plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(await plain.closed).not.toContain('HTTP/1.1 200');
    await expect.poll(turnedAway).toEqual(['handshake 1']);
  });

  test('connections count before their handshake, and are cut when it does not come (S33)', async () => {
    await issue();
    const { port, turnedAway } = await start({ maxConnections: 2, headersTimeoutMs: 500, checkEveryMs: 50 });
    const url = `http://127.0.0.1:${port}`;
    const [first, second] = [await openRawConnection(url, '127.0.0.1'), await openRawConnection(url, '127.0.0.2')];
    const third = await openRawConnection(url, '127.0.0.3');
    expect(await third.closed).toBe('');
    await expect.poll(turnedAway).toContain('connections 1');
    await Promise.all([first.closed, second.closed]);
    const agent = new Agent();
    await expect
      .poll(() =>
        get(port, agent).then(
          ({ text }) => text,
          () => undefined,
        ),
      )
      .toBe('hello');
    agent.destroy();
  });
});
