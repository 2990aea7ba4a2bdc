import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

let world: ScriptedWorld<'quick' | 'slow'> | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

test.each(['modern', 'sessions'] as const)(
  'a %s server that takes longer to list than a list waits is called all the same, and is listed from then on (R56, B21)',
  async (era) => {
    const tool = '[{"name":"t","inputSchema":{"type":"object"}}]';
    world = await startScriptedWorld(
      {
        quick: { era: 'modern', tools: tool },
        slow: {
          era,
          tools: tool,
          resultOf: () => '{"content":[{"type":"text","text":"done"}]}',
          instead: async ({ method }) => await sleep(method === 'tools/list' ? 600 : 0, undefined),
        },
      },
      { overrides: { listTimeoutMs: 200 } },
    );
    const { url, someone, servers } = world;
    const list = async () => {
      const before = performance.now();
      const { result } = (await postByHand(url, someone, modernRequest('tools/list'))).json ?? {};
      return {
        names: (result?.['tools'] as { name: string }[] | undefined)?.map(({ name }) => name),
        tookMs: performance.now() - before,
        ttlMs: result?.['ttlMs'],
        meta: result?.['_meta'],
      };
    };
    expect(await list()).toMatchObject({
      names: ['quick__t'],
      ttlMs: 0,
      meta: { 'sallyport/unavailableServers': [{ server: 'slow', reason: 'timeout' }] },
    });
    const called = await postByHand(url, someone, modernRequest('tools/call', { name: 'slow__t', arguments: {} }));
    expect(called.json?.result).toMatchObject({ content: [{ text: 'done' }] });
    const after = await list();
    expect(after.names).toEqual(['quick__t', 'slow__t']);
    expect(after.tookMs).toBeLessThan(200);
    await sleep(1_100); // what the server vouches for its list
    const old = await list();
    expect(old.names).toEqual(['quick__t', 'slow__t']);
    expect(servers.slow.seen.filter(({ method }) => method === 'tools/list').length).toBeLessThan(6);
  },
);
