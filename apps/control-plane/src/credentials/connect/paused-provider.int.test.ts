import { describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  bob,
  connect,
  type Browser,
  database,
  declared,
  deployForEachTest,
  downstreamRequests,
  endPause,
  lease,
  notes,
  start,
  url,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('a provider that refuses us', () => {
  const providers = async () => {
    const answer = await admin('/v1/credential-providers');
    return (
      (await answer.json()) as { credentialProviders: { name: string; state: string; issuers: object[] }[] }
    ).credentialProviders.find(({ name }) => name === 'notes-user');
  };

  test('is not asked for anybody until it is probed or configured anew; the administrator sees why, and every grant is kept (B4) (R80)', async () => {
    notes.accessTokenSeconds = 1;
    await connect(alice);
    notes.accessTokenSeconds = 20;
    await connect(bob);
    notes.outage = 'unauthorized_client';
    expect(await providers()).toMatchObject({ state: 'working', issuers: [] });
    expect(await lease(alice)).toMatchObject({ type: 'provider_unavailable' });
    const since = (await database.providerHealth.findFirstOrThrow()).pausedSince
      ?.toISOString()
      .slice(0, 16)
      .replace('T', ' ');
    expect(await lease(alice)).toMatchObject({
      message: expect.stringMatching(
        new RegExp(
          `An administrator of this installation can mend that; your account stays connected\\. It is so since ${since} UTC\\.$`,
        ),
      ),
    });
    const asked = downstreamRequests();
    // A token that still lives goes on; one that does not waits, whoever asks.
    expect(await lease(bob)).toMatchObject({ type: 'granted', connectionRevision: 1 });
    await database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });
    for (const person of [alice, bob, alice, bob])
      expect(await lease(person)).toMatchObject({ type: 'provider_unavailable' });
    expect(downstreamRequests()).toBe(asked);
    expect((await database.connection.findMany()).map(({ state }) => state)).toEqual(['connected', 'connected']);
    expect(await providers()).toMatchObject({
      type: 'mcp-user-oauth',
      server: 'notes',
      state: 'paused',
      issuers: [
        {
          issuer: notes.origin,
          state: 'paused',
          reason: 'client_refused',
          error: 'unauthorized_client',
          description: 'Secret expired.',
          failures: 1,
          failedProbes: 0,
          pausedSince: expect.any(String),
          nextProbeAt: expect.any(String),
        },
      ],
    });
    expect(
      (await database.event.findFirstOrThrow({ where: { type: 'credential-provider.paused' } })).body,
    ).toMatchObject({
      detail: {
        reason: 'client_refused',
        error: 'unauthorized_client',
        description: 'Secret expired.',
        credentialProvider: 'notes-user',
      },
    });
    notes.outage = null;
    notes.accessTokenSeconds = 3600;
    await endPause();
    expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 2 });
    expect(await lease(bob)).toMatchObject({ type: 'granted', connectionRevision: 2 });
    expect([
      await providers(),
      await database.event.count({ where: { type: 'credential-provider.resumed' } }),
    ]).toMatchObject([{ state: 'working' }, 1]);
    expect((await fetch(`${url}/v1/credential-providers`)).status).toBe(401);
  });

  test.each([
    [
      'does not take it as a client',
      'unauthorized_client',
      /Paused since .{16} UTC: its provider does not accept this installation right now.*You need not do anything; your administrator can\./,
    ],
    [
      'is out of order',
      'unavailable',
      /Paused since .{16} UTC: its provider does not answer right now.*You need not do anything: it is asked again by itself\./,
    ],
  ] as const)(
    'and %s is told on the account page with since when and whose move it is, and to the agent (B32) (B4)',
    async (_what, outage, words) => {
      // As a browser shows it: without markup, with one space for any.
      const page = async (browser: Browser) =>
        (await browser.open(`${url}/account`)).html.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');
      notes.accessTokenSeconds = 1;
      const browser = await connect(alice);
      expect(await page(browser)).toContain('Works.');
      notes.outage = outage;
      for (let attempt = 0; attempt < 6; attempt++) {
        await database.connection.updateMany({ data: { refreshDueAt: new Date(0), accessExpiresAt: new Date(0) } });
        expect(await lease(alice)).toMatchObject({ type: 'provider_unavailable' });
      }
      expect(await page(browser)).toMatch(words);
      const told = await lease(alice);
      if (outage === 'unavailable')
        expect(told).toMatchObject({
          why: expect.stringMatching(
            /^The authorization server says that it is out of order since .{16} UTC: the account at notes stays connected, and you need not do anything; it is asked again by itself\.$/,
          ),
        });
      [notes.outage, notes.accessTokenSeconds] = [null, 3600];
      await endPause();
      expect(await lease(alice)).toMatchObject({ type: 'granted' });
      expect(await page(browser)).toContain('Works.');
    },
  );

  test('is asked again at once when its document says otherwise, and how fast it is refreshed is nothing to connect again for (B4) (S20)', async () => {
    notes.accessTokenSeconds = 1;
    await connect(alice);
    notes.outage = 'unauthorized_client';
    expect(await lease(alice)).toMatchObject({ type: 'provider_unavailable' });
    [notes.outage, notes.accessTokenSeconds] = [null, 3600];
    declared.providerClient = ', refresh: { perMinute: 600, concurrency: 2 }';
    await start(notes.resource);
    expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 2 });
  });
});
