import { Document } from '@sallyport/configuration';
import type { CallRecord } from '@sallyport/messages';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { testUser } from './world/gateway-world.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const LONG = 'export_every_record_of_the_customer_relationship_database';
const tools = [LONG, ...Array.from({ length: 128 }, (_, index) => `tool_${index}`)];
const definitions = tools.map((name) => `{"name":"${name}","inputSchema":{"type":"object"}}`);

let world: ScriptedWorld<'crm'>;
beforeAll(async () => {
  const resultOf = () => '{"resultType":"complete","content":[]}';
  world = await startScriptedWorld({ crm: { era: 'modern', tools: `[${definitions.join(',')}]`, resultOf } });
});
afterAll(async () => await world?.close());

const list = async (token: string) => (await postByHand(world.url, token, modernRequest('tools/list'))).json?.result;
const namesOf = (result: Awaited<ReturnType<typeof list>>) =>
  (result?.['tools'] as { name: string }[] | undefined)?.map(({ name }) => name) ?? [];

test('names are as long as the strictest popular agents show with a name of theirs before it, or as the Gateway document says (R57)', async () => {
  const shortened = namesOf(await list(world.someone)).find((name) => name.startsWith('crm__export'));
  expect(shortened).toMatch(/^crm__export_every_record_of_the_custo_[0-9a-f]{10}$/);
  expect(shortened).toHaveLength(48);
  expect(`mcp__sallyport__${shortened}`.length).toBeLessThanOrEqual(64);
  const called = await postByHand(
    world.url,
    world.someone,
    modernRequest('tools/call', { name: shortened, arguments: {} }),
  );
  expect(called.json?.error).toBeUndefined();
  expect(world.servers.crm.seen.find(({ method }) => method === 'tools/call')?.params).toMatchObject({ name: LONG });

  await world.change({ puts: [Document.parse({ kind: 'Gateway', name: 'default', spec: { toolNameLength: 128 } })] });
  await expect.poll(async () => namesOf(await list(world.someone))).toContain(`crm__${LONG}`);
  await world.change({ deletes: [{ kind: 'Gateway', name: 'default' }] });
  await expect.poll(async () => namesOf(await list(world.someone))).toContain(shortened);
});

test('a list that is longer than its agent shows says so, to whoever reads it and to administrators (B32)', async () => {
  const meta = async (agentName: string) => {
    const user = testUser(`user of ${agentName}`);
    const result = await list(await world.token(user, { agent_name: agentName }));
    const isTheirs = (record: CallRecord) => record.userId === user.userId && record.method === 'tools/list';
    await expect.poll(() => world.records.filter(isTheirs)).toHaveLength(1);
    const shown = (result?.['_meta'] as Record<string, unknown> | undefined)?.['sallyport/moreThanShown'];
    return [namesOf(result).length, shown, world.records.find(isTheirs)?.reason];
  };
  expect(await meta('Visual Studio Code')).toEqual([
    129,
    { listed: 129, shown: 128 },
    'more_tools_than_agent_shows:129>128',
  ]);
  expect(await meta('Windsurf')).toEqual([129, { listed: 129, shown: 100 }, 'more_tools_than_agent_shows:129>100']);
  expect(await meta('Test agent')).toEqual([129, undefined, undefined]);
});
