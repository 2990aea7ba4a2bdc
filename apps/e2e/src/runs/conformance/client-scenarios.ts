import { UrlElicitationRequiredError } from '@modelcontextprotocol/client';
import type { Client } from '@modelcontextprotocol/client';
import { z } from 'zod';
import { Person } from '../../agents/person.js';

/** What an agent does through the gateway, so that the scenario's server sees what it wants to check. */
export type Conduct = (agent: Client, context: Readonly<Record<string, unknown>>) => Promise<void>;

const ToolCalls = z.object({
  toolCalls: z.array(z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) })),
});
/** Of `http-invalid-tool-headers`: a client has to leave these out, and so must a gateway. */
const INVALID_TOOLS = [
  'invalid_empty_header',
  'invalid_object_header',
  'invalid_array_header',
  'invalid_null_header',
  'invalid_number_header',
  'invalid_duplicate_same_case',
  'invalid_duplicate_diff_case',
  'invalid_space_in_name',
  'invalid_colon_in_name',
  'invalid_non_ascii_name',
  'invalid_control_char_name',
];

const listTools: Conduct = async (agent) => void (await agent.listTools());

/** All at once: what belongs to one call may not show up in another. */
const callEachTool: Conduct = async (agent) => {
  const { tools } = await agent.listTools();
  if (tools.length === 0) throw new Error('The gateway lists no tools of this server.');
  await Promise.all(tools.map(({ name }) => agent.callTool({ name, arguments: {} })));
};

const conducts: Readonly<Record<string, Conduct>> = {
  initialize: listTools,
  'request-metadata': listTools,
  'json-schema-ref-no-deref': listTools,
  'sep-2322-client-request-state': callEachTool,
  'elicitation-sep1034-client-defaults': callEachTool,
  'sse-retry': callEachTool,
  tools_call: async (agent) => {
    await agent.listTools();
    await agent.callTool({ name: 'add_numbers', arguments: { a: 5, b: 3 } });
  },
  'http-standard-headers': async (agent) => {
    await callEachTool(agent, {});
    for (const { uri } of (await agent.listResources()).resources) await agent.readResource({ uri });
    for (const { name } of (await agent.listPrompts()).prompts) await agent.getPrompt({ name });
  },
  'http-custom-headers': async (agent, context) => {
    await agent.listTools();
    for (const call of ToolCalls.parse(context).toolCalls) await agent.callTool(call);
  },
  'http-invalid-tool-headers': async (agent) => {
    const { tools } = await agent.listTools();
    for (const { name } of tools) await agent.callTool({ name, arguments: { region: 'eu-central' } });
    // the refusal that should be
    for (const name of INVALID_TOOLS) await agent.callTool({ name, arguments: { value: 'x' } }).catch(() => undefined);
  },
  'json-schema-2020-12-preservation': async (agent) => {
    const { tools } = await agent.listTools();
    const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
    await agent.callTool({ name: 'json_schema_echo', arguments: { schema } });
  },
};

/** Where nothing is known of the server's tools yet, the only one connects the user's account. */
const connectAndCall: Conduct = async (agent) => {
  await callEachTool(agent, {}).catch(openLinks);
  // Now the server's own tools are known; one may want more of the account than listing them did.
  await callEachTool(agent, {}).catch(async (error: unknown) => {
    await openLinks(error);
    await callEachTool(agent, {});
  });
};

/** Before 2026-07-28 an error carries the links, and the call is made again (2025-11-25, -32042). */
async function openLinks(error: unknown): Promise<void> {
  if (!(error instanceof UrlElicitationRequiredError)) throw error;
  const person = new Person('alice', { agentRedirectUri: 'urn:nobody' });
  for (const { url } of error.elicitations) await person.visit(url);
}

/** All `auth/*` scenarios want the same of an agent: to use a server that asks for a token. */
export const conductIn = (scenario: string): Conduct => conducts[scenario] ?? connectAndCall;
