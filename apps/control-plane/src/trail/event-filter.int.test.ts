import type { EventFilter } from '@sallyport/admin-api/events';
import type { AuditEvent } from '@sallyport/audit';
import { connectDatabase, connectStatements, type Database, type Statements } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { matcherOf } from './event-filter.js';
import { PostgresEventStore } from './event-store.js';
import { PostgresEventWriter } from './event-writer.js';

const AT = Date.UTC(2026, 10, 30, 9);
const call = (id: string, minute: number, part: Partial<AuditEvent>): AuditEvent => ({
  ...{ id, type: 'mcp.response', at: AT + minute * 60_000, replica: 'gateway-1', detail: {} },
  ...part,
});
const events: readonly AuditEvent[] = [
  call('allowed', 0, {
    ...{ userId: 'usr_a', userName: 'Alice Ångström', clientId: 'https://a.example/c', agentName: 'Agent A' },
    ...{ sid: 'ses_1', server: 'notes', serverTitle: 'Notes', tool: 'read_50%', outcome: 'success', traceId: 't1' },
    detail: { policies: { clientToGateway: 'everybody', gatewayToServer: 'notes-policy' } },
  }),
  call('denied', 1, {
    ...{ userId: 'usr_b', userName: 'Bob', server: 'crm', tool: 'readX50Z', outcome: 'denied', type: 'mcp.request' },
    detail: { policies: { clientToGateway: 'nobody', gatewayToServer: null } },
  }),
  call('of an older version', 2, {
    ...{ userId: 'usr_a', server: 'notes' },
    detail: { method: 'tools/call', target: 'write', traceId: 't2' },
  }),
  call('read', 3, { server: 'notes', detail: { method: 'resources/read', target: 'write' } }),
  call('token', 4, { type: 'token.issued', userId: 'usr_a', outcome: 'success', agentName: 'Writer' }),
];

let postgres: TestPostgres;
let database: Database;
let statements: Statements;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  statements = connectStatements(postgres.url, 1);
  await new PostgresEventWriter({ statements, replica: 'control-plane', clock: Date.now }).append(events);
});
afterAll(async () => {
  await statements.close();
  await database.$disconnect();
  await postgres.stop();
});

const isoOf = (minute: number) => new Date(AT + minute * 60_000).toISOString();

describe('a filter', () => {
  test.each<[EventFilter, readonly string[]]>([
    [{}, ['allowed', 'denied', 'of an older version', 'read', 'token']],
    [{ from: isoOf(1), to: isoOf(3) }, ['denied', 'of an older version']],
    [{ type: ['mcp.request'] }, ['denied']],
    [{ type: ['mcp.*'] }, ['allowed', 'denied', 'of an older version', 'read']],
    [{ type: ['token.*', 'mcp.request'] }, ['denied', 'token']],
    [{ type: ['mcp_*'] }, []],
    [{ userId: 'usr_a', server: 'notes' }, ['allowed', 'of an older version']],
    [{ clientId: 'https://a.example/c' }, ['allowed']],
    [{ sid: 'ses_1' }, ['allowed']],
    [{ tool: 'write' }, ['of an older version']],
    [{ tool: 'read_50%' }, ['allowed']],
    [{ traceId: 't1' }, ['allowed']],
    [{ traceId: 't2' }, ['of an older version']],
    [{ outcome: ['denied', 'success'] }, ['allowed', 'denied', 'token']],
    [{ policy: 'nobody' }, ['denied']],
    [{ policy: 'notes-policy' }, ['allowed']],
    [{ text: 'READ_50%' }, ['allowed']],
    [{ text: 'ice åN' }, ['allowed']],
    [{ text: 'notes' }, ['allowed']],
    [{ text: 'writ' }, ['of an older version', 'token']],
    [{ text: '\\' }, []],
    [{ text: '.' }, []],
    [{ text: '***=a' }, []],
    [{ text: "' OR true --" }, []],
  ])('%j finds the same in PostgreSQL as in events that are read already (R77)', async (filter, found) => {
    const stored = await new PostgresEventStore(database).list({ ...filter, after: 0n, limit: 100 });
    expect(stored.map(({ id }) => id)).toEqual(found);
    expect(events.filter(matcherOf(filter)).map(({ id }) => id)).toEqual(found);
  });
});
