import { GeneratedJson, readJsonTexts } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const ROUNDS = 60;
const SEED = 20_261_130;
const eras = ['modern', 'sessions', 'sessionless'] as const;

/** What the servers answer and list just now. */
const said = { result: '{}', meta: '0', schema: '{}' };
const TOOL = 'book';
const tools = () =>
  `[{"name":"${TOOL}","inputSchema":{"type":"object","properties":{"x":{"default":${said.schema}}}}}]`;
const resultOf = ({ method }: { readonly method: string }): string | undefined =>
  method === 'tools/call'
    ? `{"resultType":"complete","content":[],"structuredContent":${said.result},"_meta":{"example.org/x":${said.meta}}}`
    : undefined;
const script = (era: (typeof eras)[number]) => ({
  era,
  resultOf,
  get tools() {
    return tools();
  },
});

let world: ScriptedWorld<(typeof eras)[number]>;
beforeAll(async () => {
  said.schema = new GeneratedJson(SEED).object();
  world = await startScriptedWorld({
    modern: script('modern'),
    sessions: script('sessions'),
    sessionless: script('sessionless'),
  });
});
afterAll(async () => await world?.close());

const ENVELOPE =
  '"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}';
const bodyOf = (method: string, members: string) =>
  `{"jsonrpc":"2.0","id":7,"method":"${method}","params":{${members}}}`;

const clients = {
  modern: () => async (method: string, members: readonly string[], meta: string, name?: string) => {
    const { headers } = modernRequest(method, name === undefined ? {} : { name });
    const params = [...members, `"_meta":{${ENVELOPE},"example.org/x":${meta}}`].join(',');
    return (await postByHand(world.url, world.someone, { headers, body: bodyOf(method, params) })).text;
  },
  legacy: () => {
    const client = world.legacyClient();
    return async (method: string, members: readonly string[], meta: string) => {
      const params = [...members, `"_meta":{"example.org/x":${meta}}`].join(',');
      return (await (await client).send(bodyOf(method, params))).text;
    };
  },
};
const pairs = eras.flatMap((server) => (['modern', 'legacy'] as const).map((client) => [client, server] as const));

/** Of an answer that came as JSON, or as the one event of a stream. */
const messageIn = (text: string) =>
  readJsonTexts(text.startsWith('{') ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? '{}'));

function at(tree: unknown, ...path: readonly string[]): unknown {
  let found = tree;
  for (const name of path) found = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined;
  return found;
}

/** Order of names included. */
const same = (actual: unknown, json: string) =>
  expect(JSON.stringify(actual), json).toBe(JSON.stringify(readJsonTexts(json)));

describe.each(pairs)('between a %s client and a %s server', (client, server) => {
  test('whatever JSON is in arguments, results and _meta arrives with its value, its numbers with their text (B18)', async () => {
    const json = new GeneratedJson(SEED);
    const send = clients[client]();
    const name = `${server}__${TOOL}`;
    for (let round = 0; round < ROUNDS; round++) {
      const [args, asked] = [json.object(), json.value()];
      Object.assign(said, { result: json.object(), meta: json.value() });
      const answer = messageIn(await send('tools/call', [`"name":"${name}"`, `"arguments":${args}`], asked, name));
      same(at(answer, 'result', 'structuredContent'), said.result);
      same(at(answer, 'result', '_meta', 'example.org/x'), said.meta);
      const { raw } = world.servers[server].seen.findLast(({ method }) => method === 'tools/call') ?? { raw: '{}' };
      same(at(readJsonTexts(raw), 'params', 'arguments'), args);
      same(at(readJsonTexts(raw), 'params', '_meta', 'example.org/x'), asked);
    }
  });

  test('whatever JSON is in a schema is listed with its value, its numbers with their text (B18)', async () => {
    const listed = at(messageIn(await clients[client]()('tools/list', [], '0')), 'result', 'tools');
    const entry = (listed as readonly unknown[]).find((tool) => at(tool, 'name') === `${server}__${TOOL}`);
    same(at(entry, 'inputSchema', 'properties', 'x', 'default'), said.schema);
  });
});
