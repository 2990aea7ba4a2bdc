import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, findSecrets } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { administrator } from '../system/administrator.js';
import { dumpDatabase } from '../system/dump-database.js';
import { dumpRedis } from '../system/dump-redis.js';
import type { DistributedSystem } from '../system/start-distributed.js';

/** After people connected, called and were refreshed: what a thief of disks, dumps and logs would find. */
export function describeNothingInClear(system: () => DistributedSystem): void {
  describe('what is kept', () => {
    test('no dump of database, Redis or bus, no spool, no file of ours and no log holds a token anybody issued, in any dress (R46, S30)', async () => {
      const { downstream, demo, databaseUrl, redisUrl, natsStore, dataDir, logs } = system();
      // The demo's tokens live 20 s: by now some were refreshed ahead of their end, or are about to be.
      await expect
        .poll(async () => (await administrator(system()).events({ type: 'connection.refreshed' })).length, {
          timeout: 40_000,
        })
        .toBeGreaterThan(0);
      const spool = await spooledWhileCalling(system());
      const tokens = new Set([
        ...downstream.issued(),
        ...downstream.presentedTo(demo.urls.notes),
        ...downstream.presentedTo(demo.urls.whoami),
      ]);
      expect(tokens.size).toBeGreaterThanOrEqual(6);
      const secrets = Object.fromEntries([...tokens].map((token, index) => [`token ${index}`, token]));

      const tables = await dumpDatabase(databaseUrl);
      const redis = await dumpRedis(redisUrl);
      const bus = filesBelow(natsStore);
      // What the demonstration's own provider keeps is not ours.
      const files = filesBelow(dataDir, (name) => !/^notes\.json|^demo/.test(name));
      const places = { ...tables, ...bus, ...files, spool, redis, logs: logs() };
      expect(Object.keys(tables)).toEqual(
        expect.arrayContaining([
          'public.Connection',
          'public.OidcArtifact',
          'public.Event',
          'public.StoredSecret',
          'public.IdentitySession',
        ]),
      );
      expect(tables['public.Connection']).toContain('sealedCredential');
      expect(redis.includes('connection-refresh')).toBe(true);
      // The signed configuration stays there; events are removed once they are stored.
      expect(Object.values(bus).some((content) => content.includes('"eyJ') || content.includes('.eyJ'))).toBe(true);
      expect(places.logs).toContain('"name":"gateway"');
      expect(findSecrets(places, secrets)).toEqual([]);

      // The search itself: it finds a token in each kind of place, were it there.
      const [[name, token] = ['', '']] = Object.entries(secrets);
      const planted = Object.fromEntries(
        Object.entries({
          hex: Buffer.from(token).toString('hex'),
          base64: Buffer.from(`a${token}`).toString('base64'),
          base64url: Buffer.from(`ab${token}`).toString('base64url'),
          plain: token,
        }).map(([form, text]) => [`planted ${form}`, `x${text}y`]),
      );
      expect(new Set(findSecrets(planted, { [name]: token }).map(({ place }) => place))).toEqual(
        new Set(Object.keys(planted)),
      );
    });
  });
}

/** What the gateways' spools held at some moment of a call: they are emptied within milliseconds. */
async function spooledWhileCalling({ gatewayUrl, redirectUri, dataDir }: DistributedSystem): Promise<string> {
  const agent = await connectModernAgent({
    gatewayUrl,
    name: 'Searched Agent',
    redirectUri,
    person: new Person('alice', { agentRedirectUri: redirectUri }),
  });
  let isSeen = false;
  const calling = async () => {
    while (!isSeen) await agent.call('whoami__whoami');
  };
  const seen = eventually(
    () => {
      const content = Object.values(filesBelow(dataDir, (name) => name.startsWith('spool-')))
        .map(String)
        .join('\n');
      return content.includes('"mcp.call"') ? content : undefined;
    },
    { timeoutMs: 30_000, intervalMs: 1, until: 'a record was in a spool' },
  ).finally(() => (isSeen = true));
  const [content] = await Promise.all([seen, calling()]);
  await agent.close();
  return content;
}

function filesBelow(directory: string, isOurs: (name: string) => boolean = () => true): Record<string, Buffer> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
  return Object.fromEntries(names.filter(isOurs).map((name) => [name, readFileSync(join(directory, name))]));
}
