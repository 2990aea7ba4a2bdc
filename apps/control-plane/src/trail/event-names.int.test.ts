import type { AuditEvent } from '@sallyport/audit';
import { Document } from '@sallyport/configuration';
import { connectDatabase, type Database } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EventNames } from './event-names.js';

let postgres: TestPostgres;
let database: Database;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
});

const notes = Document.parse({
  kind: 'McpServer',
  name: 'notes',
  spec: { url: 'https://notes.example/mcp', title: 'Team notes' },
});
const snapshot = () => ({ get: (_kind: string, name: string) => (name === 'notes' ? notes : undefined) }) as never;

function namesOf(from: Database) {
  const state = { now: 0, problems: 0 };
  const names = new EventNames({
    database: from,
    snapshot,
    clock: () => state.now,
    onProblem: () => void (state.problems += 1),
  });
  const name = async (event: Partial<AuditEvent>) => {
    const [named] = await names.named([
      { id: 'evt_1', type: 'mcp.response', at: 1, replica: 'gateway-1', detail: {}, ...event },
    ]);
    return [named?.userName, named?.serverTitle, named?.account];
  };
  return { state, names, name };
}

let made = 0;
async function newUser(known: { name?: string; email?: string }): Promise<string> {
  const id = `usr_${++made}`;
  await database.user.create({ data: { id, trustProvider: 'demo', issuer: 'https://idp', subject: id, ...known } });
  return id;
}
async function newConnection(userId: string | null, accountName: string | null): Promise<string> {
  const id = `con_${++made}`;
  const url = 'https://notes.example';
  await database.connection.create({
    data: {
      ...{ id, userId, server: `notes-${made}`, credentialProvider: 'notes', state: 'connected', accountName },
      ...{ issuer: url, resource: url, tokenEndpoint: url, revocationEndpoint: null, targetOrigin: url },
      ...{ clientId: 'c', scopes: [], sealedCredential: new Uint8Array() },
    },
  });
  return id;
}
const withConnection = (connectionId: string) => ({ detail: { connectionId } });

test('names of user, server and account stand beside their ids; what has none, or is not known, has none (R79)', async () => {
  const { name } = namesOf(database);
  const [alice, bob, carol] = [
    await newUser({ name: 'Alice', email: 'alice@example.com' }),
    await newUser({ email: 'bob@example.com' }),
    await newUser({}),
  ];
  const [hers, unnamed] = [await newConnection(alice, 'alice-at-notes'), await newConnection(bob, null)];
  expect(await name({ userId: alice, server: 'notes', ...withConnection(hers) })).toEqual([
    'Alice',
    'Team notes',
    'alice-at-notes',
  ]);
  expect(await name({ userId: bob, server: 'gone', ...withConnection(unnamed) })).toEqual([
    'bob@example.com',
    undefined,
    undefined,
  ]);
  expect(await name({ userId: carol })).toEqual([undefined, undefined, undefined]);
  expect(await name({ userId: 'usr_nobody', ...withConnection('con_none') })).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("an event of one user is not told whose account another's connection is; a shared one is everybody's (S26)", async () => {
  const { name } = namesOf(database);
  const [alice, mallory] = [await newUser({}), await newUser({})];
  const [hers, shared] = [await newConnection(alice, 'alice-at-notes'), await newConnection(null, 'service')];
  expect((await name({ userId: mallory, ...withConnection(hers) }))[2]).toBeUndefined();
  expect((await name(withConnection(hers)))[2]).toBeUndefined();
  expect((await name({ userId: mallory, ...withConnection(shared) }))[2]).toBe('service');
});

test('a name is remembered for a while, and asked for again when its connection changed (R79)', async () => {
  const { name, state } = namesOf(database);
  const alice = await newUser({ name: 'Alice' });
  const id = await newConnection(alice, 'first');
  const event = { userId: alice, ...withConnection(id) };
  expect(await name(event)).toEqual(['Alice', undefined, 'first']);
  await database.user.update({ where: { id: alice }, data: { name: 'Alicia' } });
  await database.connection.update({ where: { id }, data: { accountName: 'second' } });
  expect(await name(event)).toEqual(['Alice', undefined, 'first']);
  expect(await name({ type: 'connection.created', ...event })).toEqual(['Alice', undefined, 'second']);
  await database.connection.update({ where: { id }, data: { accountName: 'third' } });
  state.now += 60_000;
  expect(await name(event)).toEqual(['Alice', undefined, 'third']);
  state.now += 60_000;
  expect(await name(event)).toEqual(['Alicia', undefined, 'third']);
});

test('where names cannot be read, events come back without, and that is told once until they can be (R80)', async () => {
  const away = connectDatabase('postgres://nobody@127.0.0.1:1/none');
  const { name, state } = namesOf(away);
  for (let time = 0; time < 2; time++)
    expect(await name({ userId: 'usr_1', server: 'notes' })).toEqual([undefined, 'Team notes', undefined]);
  expect(state.problems).toBe(1);
  await away.$disconnect();
});
