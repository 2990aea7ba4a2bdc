import { routes, type Route } from '@sallyport/admin-api';
import { describe, expect, it } from 'vitest';
import { writeDeployment, type Administered } from '../test/write-deployment.js';

const { start, database } = writeDeployment();

const FILE = 'kind: McpServer\nname: notes\nspec: { url: https://notes.example/mcp }\n';
const post = (admin: Administered, path: string, body: object, key: string) =>
  admin.call('POST', path, body, { 'idempotency-key': key });
const revocations = () => database().revocation.count();

describe('a request under an Idempotency-Key', () => {
  it('has one effect however often it is sent, and each time the answer of the first (R70)', async () => {
    const admin = await start(FILE);
    const revoke = (server: string, key: string) => post(admin, '/v1/revocations', { server }, key);
    const first = await revoke('notes', 'k1');
    expect(first.status).toBe(201);
    const again = await revoke('notes', 'k1');
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
    expect(await revocations()).toBe(1);
    expect((await revoke('notes', 'k2')).body.id).not.toBe(first.body.id);
    expect(await revocations()).toBe(2);

    const several = await Promise.all(Array.from({ length: 5 }, () => revoke('notes', 'k3')));
    expect(several.every(({ status }) => [201, 409].includes(status))).toBe(true);
    expect(several.some(({ status }) => status === 201)).toBe(true);
    expect(await revocations()).toBe(3);
  });

  it('and another body, query or route is refused; what was refused is decided anew (R70)', async () => {
    const admin = await start(FILE);
    expect((await post(admin, '/v1/revocations', { server: 'mail' }, 'k1')).status).toBe(404);
    expect((await post(admin, '/v1/revocations', { server: 'notes' }, 'k1')).status).toBe(201);
    const reused = { status: 422, body: { type: 'urn:sallyport:problem:idempotency-key-reused' } };
    expect(await post(admin, '/v1/revocations', { server: 'notes', reason: 'x' }, 'k1')).toMatchObject(reused);
    expect(await post(admin, '/v1/vault/rotation', {}, 'k1')).toMatchObject(reused);
    const planned = { set: null, documents: [] };
    expect((await post(admin, '/v1/change-sets?dryRun=true', planned, 'k2')).status).toBe(200);
    expect(await post(admin, '/v1/change-sets', planned, 'k2')).toMatchObject(reused);
    expect((await post(admin, '/v1/revocations', { server: 'notes' }, 'k'.repeat(256))).status).toBe(400);
    expect(await revocations()).toBe(1);
  });

  it('is one of any POST that changes something, but the one whose answer is a secret, kept nowhere (R70, S30)', () => {
    const without = Object.entries<Route>(routes).filter(
      ([, { method, headers }]) => method === 'POST' && headers?.shape['idempotency-key'] === undefined,
    );
    expect(without.map(([name]) => name).toSorted()).toEqual(['inviteToSharedConnection', 'planChangeSet']);
  });
});
