import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SallyportError } from '@sallyport/kernel';
import { afterEach, describe, expect, test } from 'vitest';
import {
  ensureDeploymentKeys,
  loadDecryptionKey,
  loadEncryptionKey,
  loadEnrolledKeys,
  loadMasterKey,
  loadMasterKeys,
  loadSigningKey,
  loadVerifyingKey,
} from './index.js';
import type { EnsureKeysOptions } from './index.js';

const made: string[] = [];
function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-keys-'));
  made.push(directory);
  return join(directory, 'keys');
}
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});
const mode = (path: string) => statSync(path).mode & 0o777;

test('the first start makes every key, private to its owner, and leaves no drafts (R46)', async () => {
  const directory = freshDirectory();
  await ensureDeploymentKeys(directory, { gateways: ['gateway-1'] });
  expect(readdirSync(directory).sort()).toEqual([
    'configuration-signing.jwk',
    'configuration-signing.pub.jwk',
    'gateway-state.key',
    'gateways',
    'lease-signing.jwk',
    'lease-signing.pub.jwk',
    'lease.jwk',
    'lease.pub.jwk',
    'master.key',
  ]);
  expect(readdirSync(join(directory, 'gateways')).sort()).toEqual(['gateway-1.jwk', 'gateway-1.pub.jwk']);
  expect([directory, join(directory, 'gateways')].map(mode)).toEqual([0o700, 0o700]);
  for (const file of readdirSync(directory).filter((name) => name !== 'gateways'))
    expect(mode(join(directory, file))).toBe(0o600);
});

test('a second start keeps every key and derives a lost public half again', async () => {
  const directory = freshDirectory();
  const files = await ensureDeploymentKeys(directory, { gateways: ['gateway-1'] });
  const before =
    readFileSync(files.leaseSigning, 'utf8') +
    readFileSync(files.master, 'utf8') +
    readFileSync(files.leaseSigningPublic, 'utf8');
  rmSync(files.leaseSigningPublic);
  await ensureDeploymentKeys(directory, { gateways: ['gateway-1', 'gateway-2'] });
  expect(
    readFileSync(files.leaseSigning, 'utf8') +
      readFileSync(files.master, 'utf8') +
      readFileSync(files.leaseSigningPublic, 'utf8'),
  ).toBe(before);
  expect([...loadEnrolledKeys(files.gateways).names()].sort()).toEqual(['gateway-1', 'gateway-2']);
});

test('two processes that start at once agree on one set', async () => {
  const directory = freshDirectory();
  const [a, b] = await Promise.all([
    ensureDeploymentKeys(directory, { gateways: ['g'] }),
    ensureDeploymentKeys(directory, { gateways: ['g'] }),
  ]);
  expect((await loadSigningKey(a.leaseSigning)).publicJwk.x).toBe(
    (await loadVerifyingKey(b.leaseSigningPublic)).publicJwk.x,
  );
  expect((await loadDecryptionKey(a.lease)).privateKey.type).toBe('private');
  expect((await loadEncryptionKey(a.leasePublic)).publicKey.type).toBe('public');
});

test('a missing, malformed, exposed or swapped key file is one clear line', async () => {
  const files = await ensureDeploymentKeys(freshDirectory(), { gateways: [] });
  expect(() => loadMasterKey(`${files.master}x`)).toThrow(
    /^The master key .*master\.keyx cannot be read \(ENOENT\)\.$/,
  );
  await expect(loadVerifyingKey(files.leaseSigning)).rejects.toThrow(
    /holds a private key where the public half belongs/,
  );
  await expect(loadSigningKey(files.leaseSigningPublic)).rejects.toThrow(/holds only the public half/);
  await expect(loadSigningKey(files.lease)).rejects.toThrow(/must be a JWK with kty OKP and crv Ed25519/);
  const [first, second] = ['A', 'B'].map((letter) => letter.repeat(42) + 'A');
  writeFileSync(files.master, `${first}\n${second}\n`);
  expect(loadMasterKeys(files.master).map((key) => Buffer.from(key.reveal()).toString('base64url'))).toEqual([
    first,
    second,
  ]);
  writeFileSync(files.master, `${first}\nc2hvcnQ\n`);
  expect(() => loadMasterKeys(files.master)).toThrow(/must hold 32 bytes/);
  writeFileSync(files.master, 'c2hvcnQ\n');
  expect(() => loadMasterKey(files.master)).toThrow(/must hold 32 bytes/);
  await expect(ensureDeploymentKeys(join(files.master, '..'), { gateways: [] })).rejects.toThrow(/must hold 32 bytes/);
  writeFileSync(files.configurationSigning, '{');
  await expect(loadSigningKey(files.configurationSigning)).rejects.toThrow(/is not JSON/);
  chmodSync(files.gatewayState, 0o644);
  expect(() => loadMasterKey(files.gatewayState)).toThrow(/open to every user of this machine/);
});

test('a replica whose file is removed is unknown at once, and a name cannot leave the folder (S21)', async () => {
  const files = await ensureDeploymentKeys(freshDirectory(), { gateways: ['gateway-1'] });
  const enrolled = loadEnrolledKeys(files.gateways);
  expect((await enrolled.find('gateway-1'))?.type).toBe('public');
  expect(await enrolled.find('../lease-signing')).toBeUndefined();
  rmSync(join(files.gateways, 'gateway-1.pub.jwk'));
  expect(await enrolled.find('gateway-1')).toBeUndefined();
});

describe('a key that was lost', () => {
  const GATEWAY = 'gateway-1';
  const content = (directory: string) =>
    Object.fromEntries(
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name), 'utf8')]),
    );
  const again = async (directory: string, options: Partial<EnsureKeysOptions> = {}) => {
    const said: string[] = [];
    const before = content(directory);
    const refusal = await ensureDeploymentKeys(directory, {
      gateways: [GATEWAY],
      say: (sentence) => said.push(sentence),
      ...options,
    }).then(
      () => undefined,
      (error: unknown) => error as SallyportError,
    );
    return { refusal, said, before, after: content(directory) };
  };

  test.each(['configuration-signing.jwk', 'lease-signing.jwk', 'lease.jwk', `gateways/${GATEWAY}.jwk`])(
    'while its public half is there (%s) is named, and nothing is written',
    async (name) => {
      const directory = freshDirectory();
      await ensureDeploymentKeys(directory, { gateways: [GATEWAY] });
      rmSync(join(directory, name));
      const { refusal, before, after } = await again(directory);
      expect(refusal).toMatchObject({
        code: 'key_missing',
        message: expect.stringContaining(
          `The private key ${join(directory, name)} is missing, and its public half ${join(directory, name.replace('.jwk', '.pub.jwk'))} is there. Nothing was changed. Restore`,
        ),
      });
      expect(after).toEqual(before);
      // What the sentence offers: the pair goes, and a new one comes.
      rmSync(join(directory, name.replace('.jwk', '.pub.jwk')));
      expect(await again(directory)).toMatchObject({
        refusal: undefined,
        said: [`The key ${join(directory, name)} was not there and is made anew.`],
      });
    },
  );

  test('and is the master key is named, and nothing is written, whatever else is missing (S22)', async () => {
    const directory = freshDirectory();
    const { master, leaseSigning, leaseSigningPublic } = await ensureDeploymentKeys(directory, { gateways: [GATEWAY] });
    for (const path of [master, leaseSigning, leaseSigningPublic]) rmSync(path);
    const { refusal, before, after } = await again(directory);
    expect(refusal).toMatchObject({
      code: 'key_missing',
      message: expect.stringMatching(
        /^The master key .*master\.key is missing, and other keys of its deployment \(.*\) are there\. Nothing was changed\. Restore/,
      ),
    });
    expect(after).toEqual(before);
  });

  test('with all others, while the database is there, is not made anew (S22)', async () => {
    const directory = freshDirectory();
    const refused = ensureDeploymentKeys(directory, { gateways: [GATEWAY], hasDatabase: true });
    await expect(refused).rejects.toMatchObject({
      code: 'key_missing',
      message: expect.stringContaining('the database it belongs to is there. Nothing was changed.'),
    });
    expect(existsSync(directory)).toBe(false);
  });

  test('and was the one of open sessions is made anew, in a sentence', async () => {
    const directory = freshDirectory();
    const { gatewayState } = await ensureDeploymentKeys(directory, { gateways: [GATEWAY] });
    rmSync(gatewayState);
    expect(await again(directory)).toMatchObject({
      refusal: undefined,
      said: [`The key ${gatewayState} was not there and is made anew: open MCP sessions start over.`],
    });
  });

  test('and has come back as half of another pair is refused by both names, and nothing is written', async () => {
    const directory = freshDirectory();
    const files = await ensureDeploymentKeys(directory, { gateways: [GATEWAY] });
    const other = await ensureDeploymentKeys(freshDirectory(), { gateways: [GATEWAY] });
    rmSync(files.gatewayState);
    for (const [right, wrong] of [
      [files.leasePublic, other.leasePublic],
      [files.leaseSigningPublic, other.leaseSigningPublic],
    ] as const) {
      const kept = readFileSync(right, 'utf8');
      writeFileSync(right, readFileSync(wrong, 'utf8'));
      const { refusal, before, after } = await again(directory);
      expect(refusal).toMatchObject({
        code: 'key_pair_mismatched',
        message: expect.stringContaining(
          `${right} is not the public half of ${right.replace('.pub.jwk', '.jwk')}. Nothing was changed.`,
        ),
      });
      expect(after).toEqual(before);
      writeFileSync(right, kept);
    }
  });
});
