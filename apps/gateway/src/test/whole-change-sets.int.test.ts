import { Document } from '@sallyport/configuration';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startFront, type Front } from './world/front.js';
import { testUser } from './world/gateway-world.js';
import { startScriptedWorld, type ScriptedWorld } from './world/scripted-world.js';

/** Three gateways, and a change set of several documents: each of them shows all of it, or nothing. */
const GATEWAYS = ['0', '1', '2'] as const;
const SIDES = ['left', 'right'] as const;
type Side = (typeof SIDES)[number];
const LISTS = 200;

let front: Front;
let world: ScriptedWorld<'one' | 'two' | 'three'>;
let token: string;
beforeAll(async () => {
  front = await startFront();
  const tools = '[{"name":"left","inputSchema":{"type":"object"}},{"name":"right","inputSchema":{"type":"object"}}]';
  const script = { era: 'modern', tools, resultOf: () => '{"resultType":"complete","content":[]}' } as const;
  world = await startScriptedWorld(
    { one: script, two: script, three: script },
    { overrides: { gatewayUrl: front.origin } },
  );
  front.targets[0] = world.gateway.urls['listening'] ?? '';
  for (const replica of [1, 2]) {
    const other = await world.startReplica(`gateway-${replica + 1}`);
    front.targets[replica] = other.urls['listening'] ?? '';
    await eventually(() => other.readiness().status === 'ready', { timeoutMs: 60_000, until: 'it is ready' });
  }
  token = await world.token(testUser('someone'), { aud: `${front.origin}/mcp` });
});
afterAll(async () => {
  await front?.close();
  await world?.close();
});

/** All policies of the second hop let this tool be called, and no other. */
const turnTo = (side: Side) =>
  world.change({
    puts: ['one', 'two', 'three'].map((name) =>
      Document.parse({
        kind: 'AccessPolicy',
        name,
        spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: [side] }] },
      }),
    ),
  });

const post = (gateway: string, method: string, params = {}) =>
  postByHand(`${front.origin}/mcp`, token, modernRequest(method, params, { 'x-replica': gateway }));

/** The sides that one list of a gateway shows, with the number of tools. */
async function listed(gateway: string): Promise<string> {
  const { json } = await post(gateway, 'tools/list');
  const tools = (json?.result?.['tools'] ?? []) as { name: string }[];
  return tools
    .map(({ name }) => name)
    .toSorted()
    .join(' ');
}
const wholeList = (side: Side) => ['one', 'three', 'two'].map((server) => `${server}__${side}`).join(' ');

test('a change set of several policies is seen wholly or not at all, at each of three gateways (S27)', async () => {
  await turnTo('left');
  for (const gateway of GATEWAYS) await expect.poll(() => listed(gateway)).toBe(wholeList('left'));

  const seen = new Map<string, number>();
  let isChanging = true;
  const watchers = GATEWAYS.map(async (gateway) => {
    while (isChanging) {
      const list = await listed(gateway);
      seen.set(list, (seen.get(list) ?? 0) + 1);
    }
  });
  const lists = () => [...seen.values()].reduce((sum, count) => sum + count, 0);
  for (let change = 1; lists() < LISTS; change++) {
    const side = SIDES[change % 2] ?? 'left';
    await turnTo(side);
    // Not before it is there: it could be overtaken by the next one.
    if (change % 10 === 0)
      for (const gateway of GATEWAYS) await expect.poll(() => listed(gateway)).toBe(wholeList(side));
  }
  isChanging = false;
  await Promise.all(watchers);
  expect([...seen.keys()].toSorted()).toEqual([wholeList('left'), wholeList('right')]);
});

test('once a gateway has shown a change, its next call goes by it (S27)', async () => {
  for (const gateway of GATEWAYS) {
    for (const side of SIDES) {
      await turnTo(side);
      await expect.poll(() => listed(gateway)).toBe(wholeList(side));
      const answers = await Promise.all(
        SIDES.map((tool) => post(gateway, 'tools/call', { name: `one__${tool}`, arguments: {} })),
      );
      expect(answers.map(({ json }) => json?.result !== undefined)).toEqual(SIDES.map((tool) => tool === side));
    }
  }
});
