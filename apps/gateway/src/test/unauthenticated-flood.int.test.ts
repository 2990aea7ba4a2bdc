import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Document } from '@sallyport/configuration';
import { expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';

const documents = [Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } })];
const FLOOD = 3_000;

test(
  'whoever has no token leaves sums in the trail, and nothing that grows with their number; users are recorded as ever (R74, S33)',
  { timeout: 120_000 },
  async () => {
    const world = await startGatewayWorld(documents);
    const publishLines = world.messaging.events.publishLines.bind(world.messaging.events);
    // Nothing is shipped: all of it would have to be on the disk.
    world.messaging.events.publishLines = () => Promise.reject(new Error('no bus'));
    const user = testUser('alice');
    const discover = async () =>
      (await postByHand(world.url, await world.token(user), modernRequest('server/discover'))).status;
    const statuses = new Set<number>();
    const tokens = [undefined, 'Bearer nonsense', 'Basic x'];
    for (let sent = 0; sent < FLOOD; sent += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const authorization = tokens[i % tokens.length];
          const response = await fetch(world.url, {
            method: 'POST',
            body: '{}',
            headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
          });
          await response.arrayBuffer();
          statuses.add(response.status);
        }),
      );
    }
    expect([...statuses]).toEqual([401]);
    expect(await discover()).toBe(200);
    const bytes = readdirSync(world.spoolDirectory).reduce(
      (sum, name) => sum + statSync(join(world.spoolDirectory, name)).size,
      0,
    );
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);

    world.messaging.events.publishLines = publishLines;
    world.clock.aheadMs = 61_000;
    await expect.poll(() => world.eventsSummed.length).toBeGreaterThan(0);
    await world.close();
    const single = world.records.filter(({ decision }) => decision === 'unauthenticated').length;
    expect(single).toBeLessThan(100);
    expect(world.eventsSummed.reduce((sum, { detail }) => sum + Number(detail?.['count']), single)).toBe(FLOOD);
    expect(
      new Set(world.eventsSummed.map(({ reason, detail }) => `${detail?.['of']} ${reason} ${detail?.['addresses']}`)),
    ).toEqual(new Set(['mcp.request no_token 127.0.0.1', 'mcp.request malformed 127.0.0.1']));
    expect(world.records.filter(({ userId, decision }) => userId === user.userId && decision === 'allow')).toHaveLength(
      1,
    );
  },
);
