import { CompactSign, generateKeyPair } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Heartbeat } from './change-set.js';
import { signLogEntry, verifyLogEntry } from './log-entry.js';

const keys = await generateKeyPair('EdDSA');
const heartbeat: Heartbeat = { v: 1, type: 'heartbeat', epoch: 'e1', revision: 1, issuedAt: 1 };
const sign = (payload: unknown, header: { alg: string; typ?: string }, key = keys.privateKey) =>
  new CompactSign(new TextEncoder().encode(typeof payload === 'string' ? payload : JSON.stringify(payload)))
    .setProtectedHeader(header)
    .sign(key);

describe('a signed log entry', () => {
  it('is trusted when the pinned key signed it as configuration (S27)', async () => {
    expect(await verifyLogEntry(await signLogEntry(heartbeat, keys.privateKey), keys.publicKey)).toEqual({
      trusted: true,
      entry: heartbeat,
    });
  });

  it('is not trusted when another key signed it (S27)', async () => {
    const other = await generateKeyPair('EdDSA');
    expect(await verifyLogEntry(await signLogEntry(heartbeat, other.privateKey), keys.publicKey)).toEqual({
      trusted: false,
      reason: 'signature',
    });
  });

  it('is not trusted when a byte of it changed (S27)', async () => {
    const [header, , signature] = (await signLogEntry(heartbeat, keys.privateKey)).split('.');
    const payload = Buffer.from(JSON.stringify({ ...heartbeat, revision: 2 })).toString('base64url');
    expect(await verifyLogEntry(`${header}.${payload}.${signature}`, keys.publicKey)).toEqual({
      trusted: false,
      reason: 'signature',
    });
  });

  it('is not trusted without its type, so that no other signature of this key passes for configuration (S27)', async () => {
    expect(await verifyLogEntry(await sign(heartbeat, { alg: 'EdDSA' }), keys.publicKey)).toEqual({
      trusted: false,
      reason: 'type',
    });
    expect(await verifyLogEntry(await sign(heartbeat, { alg: 'EdDSA', typ: 'JWT' }), keys.publicKey)).toEqual({
      trusted: false,
      reason: 'type',
    });
  });

  it('is not trusted unsigned or malformed (S27)', async () => {
    const none = `${Buffer.from('{"alg":"none","typ":"sallyport-configuration+jwt"}').toString('base64url')}.${Buffer.from(JSON.stringify(heartbeat)).toString('base64url')}.`;
    const otherName = await sign(heartbeat, { alg: 'Ed25519', typ: 'sallyport-configuration+jwt' });
    for (const jws of [none, otherName, '', 'a.b.c', 'no jws'])
      expect(await verifyLogEntry(jws, keys.publicKey)).toEqual({ trusted: false, reason: 'signature' });
  });

  it('is not trusted when its content is none this version knows (S27)', async () => {
    const header = { alg: 'EdDSA', typ: 'sallyport-configuration+jwt' };
    for (const payload of ['no json', { v: 2, type: 'heartbeat' }, { ...heartbeat, v: 9 }])
      expect(await verifyLogEntry(await sign(payload, header), keys.publicKey)).toEqual({
        trusted: false,
        reason: 'content',
      });
  });

  it('of an earlier version is read without the ends of MCP sessions it carries, and with every revocation; another unknown subject is not passed over (S27)', async () => {
    const header = { alg: 'EdDSA', typ: 'sallyport-configuration+jwt' };
    const revoked = { id: 'rev_1', subject: { type: 'user', userId: 'usr_a' }, notBefore: 5, expiresAt: null };
    const other = (subject: object) => ({ id: 'rev_2', subject, notBefore: 5, expiresAt: 10 });
    const parts = { v: 1, epoch: 'e1', revision: 1, puts: [] };
    for (const entry of [
      { ...parts, type: 'change', deletes: [] },
      { ...parts, type: 'base', chunk: 0, chunks: 1 },
    ]) {
      const read = async (...revocations: object[]) =>
        verifyLogEntry(await sign({ ...entry, revocations }, header), keys.publicKey);
      expect(await read(other({ type: 'mcp-session', id: 'mss_1' }), revoked)).toEqual({
        trusted: true,
        entry: { ...entry, revocations: [revoked] },
      });
      expect(await read(other({ type: 'galaxy', id: 'g' }), revoked)).toEqual({ trusted: false, reason: 'content' });
    }
  });
});
