import { eventually, startPrivatePostgres, type PrivatePostgres } from '@sallyport/testing';
import { expect, test } from 'vitest';
import {
  admin,
  alice,
  bob,
  Browser,
  connect,
  deployForEachTest,
  linkFor,
  log,
  notes,
  url,
} from './connect-deployment.js';

let postgres: PrivatePostgres;
deployForEachTest(async () => (postgres = await startPrivatePostgres()));

test(
  'while PostgreSQL is away every route and page that needs it asks to come back, and goes on when it is there again (M5)',
  { timeout: 180_000 },
  async () => {
    const browser = await connect(alice);
    const link = await linkFor(bob);
    const waiting = new Browser(bob.userId);
    const page = await waiting.open(link);
    const visitor = new Browser(alice.userId);
    await visitor.open(`${url}/session/ended`); // signed in with nothing yet
    const form = (path: string, fields: Record<string, string>) =>
      browser.open(`${url}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
    const json = (method: string, body: object) => ({ method, body: JSON.stringify(body) });
    const signed = { csrf: 'x', shown: 'x' };

    const programs: readonly [string, RequestInit?][] = [
      ['/v1/users'],
      ['/v1/agent-sessions'],
      ['/v1/agent-registrations'],
      ['/v1/agent-registrations/dcr_x', { method: 'DELETE' }],
      ['/v1/revocations', json('POST', { user: alice.userId })],
      ['/v1/tool-definitions?server=notes'],
      ['/v1/tool-definitions/approved/notes', json('PUT', { tools: [] })],
      ['/v1/tool-definitions/approved/notes', { method: 'DELETE' }],
      ['/v1/shared-connections', json('POST', { credentialProvider: 'notes-user' })],
      ['/v1/configuration'],
      ['/v1/vault/rotation'],
      ['/v1/vault/rotation', json('POST', {})],
      ['/v1/vault/removals', json('POST', { keyId: '0123456789abcdef' })],
      ['/v1/connections'],
      ['/v1/connections/con_01k7n0w4e5r6t7y8u9i0p1a2s3', { method: 'DELETE' }],
      ['/v1/upstream-revocations'],
      ['/v1/credential-providers'],
      ['/v1/signing-keys'],
      ['/v1/signing-keys/rotations', json('POST', {})],
      ['/v1/signing-keys/withdrawals', json('POST', { kid: 'at-x' })],
      ['/v1/events'],
    ];
    const pages: readonly [string, () => Promise<{ status: number; html: string; headers: Headers }>][] = [
      ['GET /connect', () => waiting.open(page.url)],
      ['POST /connect', () => waiting.submit(page)],
      ['GET /connect/callback', () => waiting.open(`${url}/connect/callback?state=x&code=y`)],
      ['POST /connect/confirm', () => form('/connect/confirm', { ...signed, confirmation: 'x', decision: 'use' })],
      ['GET /connect/shared', () => browser.open(`${url}/connect/shared/x`)],
      ['POST /connect/shared', () => form('/connect/shared/x', signed)],
      ['GET /account', () => browser.open(`${url}/account`)],
      ['POST /account/connect', () => form('/account/connect', { ...signed, server: 'notes' })],
      ['POST /account/disconnect', () => form('/account/disconnect', { ...signed, connection: 'x' })],
      ['POST /account/end-session', () => form('/account/end-session', { ...signed, session: 'x' })],
      ['GET /session/callback', () => visitor.open(`${url}/account`)], // which leads there
      ['GET /session/end', () => browser.open(`${url}/session/end`)],
      ['POST /session/end', () => form('/session/end', signed)],
      ['POST /session/switch', () => form('/session/switch', { ...signed, return_to: '/account' })],
    ];

    await postgres.halt();
    for (const [path, init = {}] of programs) {
      const what = `${init.method ?? 'GET'} ${path}`;
      const response = await admin(path, init);
      expect([
        what,
        response.status,
        response.headers.get('retry-after'),
        response.headers.get('cache-control'),
      ]).toEqual([what, 503, '5', 'no-store']);
      expect([what, response.headers.get('content-type'), await response.json()]).toEqual([
        what,
        expect.stringContaining('application/problem+json'),
        expect.objectContaining({ status: 503, error: 'temporarily_unavailable' }),
      ]);
    }
    for (const [what, ask] of pages) {
      const { status, html, headers } = await ask();
      expect([what, status, headers.get('retry-after'), headers.get('content-type')]).toEqual([
        what,
        503,
        '5',
        'text/html; charset=utf-8',
      ]);
      expect(html).toContain('<h1>One moment, please</h1>');
    }
    expect(log.filter((line) => line.includes('requests get 503'))).toHaveLength(1);
    expect(log.filter((line) => line.includes('request failed'))).toEqual([]);

    await postgres.resume();
    await eventually(async () => (await admin('/v1/events')).status === 200, {
      timeoutMs: 30_000,
      until: 'the database answers again',
    });
    expect((await browser.open(`${url}/account`)).html).toContain('Your accounts and agents');
    expect((await waiting.submit(page)).html).toContain('<h1>Connected</h1>');
    expect(notes.requests.filter(({ path }) => path === '/token')).toHaveLength(2);
  },
);
