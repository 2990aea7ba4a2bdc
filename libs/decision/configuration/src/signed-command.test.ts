import { CompactSign, exportJWK, generateKeyPair } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import { signLogEntry, verifyLogEntry } from './log-entry.js';
import { signCommand, verifyCommand, type SignedCommandOf } from './signed-command.js';

const NOW = 1_800_000_000_000;
const clock = () => NOW;
const command: SignedCommandOf<'rotate-signing-keys'> = {
  v: 1,
  type: 'rotate-signing-keys',
  purposes: ['access-token'],
  olderThan: NOW,
  issuedAt: NOW,
};
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
beforeAll(async () => {
  keys = await generateKeyPair('EdDSA', { extractable: true });
});

test('a command of the control plane is obeyed within a minute, by either clock (S26)', async () => {
  expect(
    await verifyCommand(
      await signCommand(command, keys.privateKey),
      'rotate-signing-keys',
      await exportJWK(keys.publicKey),
      clock,
    ),
  ).toEqual(command);
  for (const [off, obeyed] of [
    [-60_000, true],
    [60_000, true],
    [-60_001, false],
    [60_001, false],
  ] as const) {
    expect(
      (await verifyCommand(
        await signCommand({ ...command, issuedAt: NOW + off }, keys.privateKey),
        'rotate-signing-keys',
        keys.publicKey,
        clock,
      )) !== undefined,
    ).toBe(obeyed);
  }
});
test('a command that another key signed, or that was altered, is none (S26)', async () => {
  const other = await generateKeyPair('EdDSA');
  expect(
    await verifyCommand(await signCommand(command, other.privateKey), 'rotate-signing-keys', keys.publicKey, clock),
  ).toBeUndefined();
  const [header, , signature] = (await signCommand(command, keys.privateKey)).split('.');
  const altered = Buffer.from(JSON.stringify({ ...command, olderThan: NOW + 1 })).toString('base64url');
  expect(
    await verifyCommand(`${header}.${altered}.${signature}`, 'rotate-signing-keys', keys.publicKey, clock),
  ).toBeUndefined();
  for (const nothing of ['', 'x', 'a.b.c'])
    expect(await verifyCommand(nothing, 'rotate-signing-keys', keys.publicKey, clock)).toBeUndefined();
});
test('an entry of the configuration log is no command, and a command no entry (S27)', async () => {
  const entry = await signLogEntry(
    { v: 1, type: 'heartbeat', epoch: 'e', revision: 1, issuedAt: NOW },
    keys.privateKey,
  );
  expect(await verifyCommand(entry, 'rotate-signing-keys', keys.publicKey, clock)).toBeUndefined();
  expect(await verifyLogEntry(await signCommand(command, keys.privateKey), keys.publicKey)).toEqual({
    trusted: false,
    reason: 'type',
  });
  const disguised = await new CompactSign(new TextEncoder().encode(JSON.stringify(command)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'sallyport-configuration+jwt' })
    .sign(keys.privateKey);
  expect(await verifyCommand(disguised, 'rotate-signing-keys', keys.publicKey, clock)).toBeUndefined();
});
test('a command to do one thing is none to do another (S26)', async () => {
  const removal = await signCommand(
    { v: 1, type: 'remove-registration', clientId: 'dcr_1', issuedAt: NOW },
    keys.privateKey,
  );
  expect(await verifyCommand(removal, 'remove-registration', keys.publicKey, clock)).toMatchObject({
    clientId: 'dcr_1',
  });
  expect(await verifyCommand(removal, 'rotate-signing-keys', keys.publicKey, clock)).toBeUndefined();
});
