import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@sallyport/telemetry';
import { createTestAuthority, type TestAuthority } from '@sallyport/testing/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keepCertificate } from './keep-certificate.js';
import { combineReadiness, type Readiness } from './running-service.js';
import type { PeriodicTask } from './repeat.js';
import { certificateFilesOf } from './tls-variables.js';

let authority: TestAuthority;
let folder: string;
let files: { certificateFile: string; keyFile: string };
beforeAll(async () => {
  authority = await createTestAuthority();
  folder = mkdtempSync(join(tmpdir(), 'sallyport-certificate-'));
  files = { certificateFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
});
afterAll(() => rmSync(folder, { recursive: true }));

async function issue(days: number): Promise<void> {
  const { cert, key } = await authority.issue({ ip: ['127.0.0.1'] }, { until: days });
  writeFileSync(files.certificateFile, cert);
  writeFileSync(files.keyFile, key);
}

function keep() {
  const tasks: PeriodicTask[] = [];
  const checks: (() => Readiness)[] = [];
  const scope = {
    every: (_milliseconds: number, task: PeriodicTask) => void tasks.push(task),
    readiness: (check: () => Readiness) => void checks.push(check),
  };
  const logger = createLogger({ name: 'test', level: 'silent' });
  const certificate = keepCertificate(scope, files, { logger, clock: Date.now });
  return {
    certificate,
    look: () => tasks[0]?.(new AbortController().signal),
    readiness: () => combineReadiness(checks.map((check) => check())),
  };
}

describe('the certificate of a listener (R67)', () => {
  test('is read again, and files that cannot be used are said by readiness until they can', async () => {
    await issue(60);
    const { certificate, look, readiness } = keep();
    expect(readiness()).toEqual({ status: 'ready', reasons: [] });
    const before = certificate?.pair;
    writeFileSync(files.keyFile, 'no key');
    await look();
    expect(certificate?.pair).toBe(before);
    expect(readiness()).toMatchObject({
      status: 'degraded',
      reasons: ['the files of the TLS certificate cannot be used: the one before stays in use'],
    });
    await issue(60);
    await look();
    expect(certificate?.pair).not.toBe(before);
    expect(readiness().status).toBe('ready');
  });

  test('that ends within a week is said by readiness', async () => {
    await issue(6);
    expect(keep().readiness()).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringMatching(/^the TLS certificate ends at 20\d\d-/)],
    });
    await issue(8);
    expect(keep().readiness().status).toBe('ready');
  });

  test('needs both files, or neither', () => {
    const [SALLYPORT_TLS_CERTIFICATE_FILE, SALLYPORT_TLS_KEY_FILE] = ['/a.crt', '/a.key'];
    expect(certificateFilesOf({})).toBeUndefined();
    expect(certificateFilesOf({ SALLYPORT_TLS_CERTIFICATE_FILE, SALLYPORT_TLS_KEY_FILE })).toEqual({
      certificateFile: '/a.crt',
      keyFile: '/a.key',
    });
    expect(() => certificateFilesOf({ SALLYPORT_TLS_CERTIFICATE_FILE })).toThrow(/belong together/);
    expect(() => certificateFilesOf({ SALLYPORT_TLS_KEY_FILE })).toThrow(/belong together/);
  });
});
