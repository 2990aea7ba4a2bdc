import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { eventually, findSecrets } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  connect,
  database,
  declared,
  deployForEachTest,
  endPause,
  lease,
  log,
  notes,
  start,
} from '../../test/connect-deployment.js';

deployForEachTest();

/** Every webhook has what there is for it. */
const isThrough = async () => {
  const [newest] = await database.$queryRaw<{ sequence: bigint }[]>`SELECT max("sequence") AS "sequence" FROM "Event"`;
  return (await database.logStreamCursor.findMany()).every(({ sequence }) => sequence === newest?.sequence);
};

describe('a webhook', () => {
  let receiver: Server;
  let url: string;
  let received: { headers: IncomingHttpHeaders; body: string }[];
  let status: number;
  beforeEach(async () => {
    [received, status] = [[], 204];
    receiver = createServer((incoming, outgoing) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
      incoming.on('end', () => {
        received.push({ headers: incoming.headers, body });
        outgoing.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const address = receiver.address();
    url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/hook`;
  });
  afterEach(() => new Promise((resolve) => receiver.close(resolve)));
  const configure = async (events: string, to = url) => {
    declared.further = `---
kind: Webhook
name: on-call
spec: { url: "${to}", events: [${events}], signingSecret: { env: HOOK_SECRET } }
`;
    await start(notes.resource);
  };
  const loseGrant = async () => {
    await connect(alice);
    notes.endAllGrants();
    expect((await lease(alice, { rejectedConnectionRevision: 1 })).type).toBe('connect_required');
  };

  test('is told once that a user has to connect again, signed, tried again until it is taken, and no token in it (R44, S30)', async () => {
    await configure('connection.needs_reconnect');
    status = 503;
    await loseGrant();
    await eventually(() => received.length === 1);
    status = 200;
    await eventually(isThrough);
    expect(received.length).toBeGreaterThan(1);
    const [first, second] = [received[0], received.at(-1)];
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = second?.headers ?? {};
    expect([first?.body, first?.headers['webhook-id']]).toEqual([second?.body, id]);
    expect(signature).toBe(
      `v1,${createHmac('sha256', Buffer.alloc(32, 7))
        .update(`${String(id)}.${String(timestamp)}.${second?.body}`)
        .digest('base64')}`,
    );
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
    const connection = await database.connection.findFirstOrThrow();
    expect(JSON.parse(second?.body ?? '')).toMatchObject({
      type: 'connection.needs_reconnect',
      timestamp: expect.any(String),
      data: { userId: alice.userId, server: 'notes', connectionId: connection.id, reason: 'dead_grant' },
    });
    const secrets = Object.fromEntries(
      [
        ...notes.issued.accessTokens,
        ...notes.issued.refreshTokens,
        ...notes.issued.clientSecrets,
        `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      ].map((value, index) => [`secret ${index}`, value]),
    );
    expect(findSecrets({ received: JSON.stringify(received), log: log.join('') }, secrets)).toEqual([]);
  });

  test('is told of a provider that is paused, and of nothing it did not ask for (B4)', async () => {
    await configure('credential-provider.paused');
    notes.accessTokenSeconds = 1;
    await connect(alice);
    notes.faults.push('unauthorized_client');
    await lease(alice);
    await eventually(() => received.length === 1);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      type: 'credential-provider.paused',
      data: {
        credentialProvider: 'notes-user',
        reason: 'client_refused',
        error: 'unauthorized_client',
        description: 'Secret expired.',
      },
    });
    await endPause();
    notes.endAllGrants();
    await lease(alice);
    expect(
      await database.event.count({
        where: { type: { in: ['credential-provider.resumed', 'connection.needs_reconnect'] } },
      }),
    ).toBe(2);
    await eventually(isThrough);
    expect(received).toHaveLength(1);
  });

  test('at an address inside is posted to only where the administrator allows it, and waits (S19)', async () => {
    await configure('connection.needs_reconnect', 'http://10.1.2.3/hook');
    await loseGrant();
    await eventually(() =>
      log.some((line) => line.includes('a log stream does not get on') && line.includes('outbound_refused')),
    );
    expect(await database.logStreamCursor.findFirst()).toMatchObject({ stream: 'on-call', reason: 'outbound_refused' });
  });

  test('that never answers holds up no other (S34)', async () => {
    let hasAsked = false;
    const silent = createServer(() => void (hasAsked = true));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    declared.further = `---
kind: Webhook
name: silent
spec: { url: "http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/hook", events: [connection.needs_reconnect], signingSecret: { env: HOOK_SECRET } }
---
kind: Webhook
name: on-call
spec: { url: "${url}", events: [connection.needs_reconnect], signingSecret: { env: HOOK_SECRET } }
`;
    await start(notes.resource);
    await loseGrant();
    await eventually(() => received.length === 1 && hasAsked, { timeoutMs: 20_000 });
    silent.closeAllConnections();
    silent.close();
  });
});
