import { createHash, randomBytes } from 'node:crypto';
import { newId, Secret } from '@sallyport/kernel';
import { Sealer } from '@sallyport/keys';
import { findSecrets } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  bob,
  Browser,
  database,
  declared,
  deployForEachTest,
  lease,
  linkFor,
  notes,
  start,
  url,
} from '../../test/connect-deployment.js';
import { ConnectTickets } from './connect-tickets.js';

deployForEachTest();

const MINUTE = 60_000;
const handleIn = (link: string) => link.slice(link.lastIndexOf('/') + 1);
const tickets = () => database.connectTicket.count();
/** As if the link had been made at another time. */
const endAt = (link: string, time: number) =>
  database.connectTicket.updateMany({
    where: { handleDigest: createHash('sha256').update(handleIn(link)).digest('base64url') },
    data: { expiresAt: new Date(time) },
  });
const open = (link: string, person = alice) => new Browser(person.userId).open(link);

describe('a link to the connect page', () => {
  test('is short, says nothing, and is kept sealed and by its digest (S16, S8)', async () => {
    const link = await linkFor(alice);
    expect(link).toMatch(new RegExp(`^${url}/connect/[A-Za-z0-9_-]{24}$`));
    const rows = await database.connectTicket.findMany();
    expect(rows.map(({ userId, clientId }) => [userId, clientId])).toEqual([[alice.userId, alice.clientId]]);
    const kept = rows.map(({ sealed, ...row }) => ({ ...row, sealed: Buffer.from(sealed).toString('latin1') }));
    expect(
      findSecrets(
        { kept: JSON.stringify(kept) },
        { handle: handleIn(link), agent: 'Agent <script>', session: alice.sid },
      ),
    ).toEqual([]);
  });

  test('is one for as long as the same agent asks for the same, and another for another user, agent, session or server (S16, S33)', async () => {
    declared.further =
      '---\nkind: AccessPolicy\nname: second\nspec: { hop: gateway-to-server, server: second, credentialProvider: second-user }\n---\nkind: McpServer\nname: second\nspec: { url: "https://second.example/mcp" }\n---\nkind: CredentialProvider\nname: second-user\nspec: { type: mcp-user-oauth, server: second }\n';
    await start(notes.resource);
    const links = await Promise.all([
      linkFor(alice),
      linkFor(bob),
      linkFor(alicesOtherAgent),
      linkFor({ ...alice, sid: newId('ses') }),
      linkFor(alice, { server: 'second', targetOrigin: 'https://second.example' }),
    ]);
    expect(new Set(links).size).toBe(5);
    for (let time = 0; time < 20; time++) expect(await linkFor(alice)).toBe(links[0]);
    expect(await tickets()).toBe(5);
  });

  test('is given again while it is good for five minutes more, and then a new one; the old one goes on until its end (S16)', async () => {
    const first = await linkFor(alice);
    await endAt(first, Date.now() + 5.5 * MINUTE);
    expect(await linkFor(alice)).toBe(first);
    await endAt(first, Date.now() + 4.5 * MINUTE);
    const second = await linkFor(alice);
    expect([second === first, (await open(first)).status, (await open(second)).status]).toEqual([false, 200, 200]);
  });

  test('that expired says so for a day, to be told from one that never was (S16)', async () => {
    const link = await linkFor(alice);
    await endAt(link, Date.now() - 1);
    expect(await open(link)).toMatchObject({ status: 410, html: expect.stringContaining('This link has expired') });
    expect((await new Browser(alice.userId).post(new URL(link).pathname, {})).status).toBe(410);
    await endAt(link, Date.now() - 23 * 60 * MINUTE);
    await linkFor(bob);
    expect((await open(link)).status).toBe(410);
    await endAt(link, Date.now() - 25 * 60 * MINUTE);
    await linkFor(alicesOtherAgent);
    expect(await open(link)).toMatchObject({ status: 404, html: expect.stringContaining('This link is not valid') });
  });

  test('that is altered, cut, made up or of an earlier version is not valid (S16)', async () => {
    const link = await linkFor(alice);
    const handle = handleIn(link);
    const altered = `${handle.slice(0, -1)}${handle.endsWith('A') ? 'B' : 'A'}`;
    for (const other of [
      altered,
      handle.slice(0, 23),
      `${handle}A`,
      randomBytes(18).toString('base64url'),
      randomBytes(480).toString('base64url'),
      `${handle}.`,
      `%20${handle}`,
    ]) {
      expect([other, await open(`${url}/connect/${other}`)]).toMatchObject([
        other,
        { status: 404, html: expect.stringContaining('This link is not valid') },
      ]);
    }
    expect((await open(link)).status).toBe(200);
  });

  test('that somebody else follows connects nothing, and twice it connects once (R34, S23)', async () => {
    const link = await linkFor(alice);
    expect(await open(link, bob)).toMatchObject({
      status: 403,
      html: expect.stringContaining('This link is for somebody else'),
    });
    expect(await database.connection.count()).toBe(0);
    const browser = new Browser(alice.userId);
    const [one, two] = [await browser.open(link), await browser.open(link)];
    expect((await browser.submit(one)).html).toContain('<h1>Connected</h1>');
    expect((await browser.submit(two)).html).toContain('<h1>Connected</h1>');
    expect((await browser.open(link)).html).toContain('<h1>Connected</h1>');
    expect([await database.connection.count(), (await lease(alice)).type]).toEqual([1, 'granted']);
  });
});

describe('links that are kept', () => {
  const sealer = new Sealer(new Secret<Uint8Array>(randomBytes(32)));
  let now = Date.now();
  const own = (isRevoked = (): boolean => false) =>
    new ConnectTickets({ database, sealer, clock: () => now, isRevoked });
  const wish = (agent: string, scope: string, userId: string = alice.userId) => ({
    userId,
    agent: { clientId: agent, agentName: agent, sid: 'ses_1' },
    server: 'notes',
    credentialProvider: 'notes-user',
    replaces: null,
    scopes: [scope],
  });

  test('are few for one agent, whatever it asks for, and cost no other agent and no other user theirs (S32, S33)', async () => {
    const kept = own();
    const [quiet, others] = [
      await kept.issue(wish('quiet', 'read')),
      await kept.issue(wish('noisy', 'read', bob.userId)),
    ];
    const handles: string[] = [];
    for (let scope = 0; scope < 100; scope++) {
      now += 1;
      handles.push((await kept.issue(wish('noisy', `scope-${scope}`))).handle);
    }
    expect(await database.connectTicket.count({ where: { userId: alice.userId, clientId: 'noisy' } })).toBe(64);
    const found = async (handle: string | undefined) => (await kept.find(handle ?? '')).type;
    expect([
      await found(quiet.handle),
      await found(others.handle),
      await found(handles[0]),
      await found(handles[35]),
      await found(handles[36]),
      await found(handles[99]),
    ]).toEqual(['valid', 'valid', 'invalid', 'invalid', 'valid', 'valid']);
  });

  test('are of one deployment and one row: what was sealed otherwise does not open (S16)', async () => {
    const { handle } = await own().issue(wish('quiet', 'read'));
    const elsewhere = new ConnectTickets({
      database,
      sealer: new Sealer(new Secret<Uint8Array>(randomBytes(32))),
      clock: () => now,
      isRevoked: () => false,
    });
    expect(await elsewhere.find(handle)).toEqual({ type: 'invalid' });
    expect((await elsewhere.issue(wish('quiet', 'read'))).handle).not.toBe(handle);
    const other = await own().issue(wish('quiet', 'write'));
    const row = await database.connectTicket.findFirstOrThrow({
      where: { handleDigest: createHash('sha256').update(handle).digest('base64url') },
    });
    await database.connectTicket.updateMany({ data: { sealed: row.sealed } });
    expect([(await own().find(handle)).type, (await own().find(other.handle)).type]).toEqual(['valid', 'invalid']);
  });

  test('of before a revocation are not given again (S28)', async () => {
    const { handle } = await own().issue(wish('quiet', 'read'));
    expect((await own().issue(wish('quiet', 'read'))).handle).toBe(handle);
    expect((await own(() => true).issue(wish('quiet', 'read'))).handle).not.toBe(handle);
  });
});
