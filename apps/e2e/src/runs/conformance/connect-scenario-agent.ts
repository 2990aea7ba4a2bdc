import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Person } from '../../agents/person.js';
import type { Revision } from './suite.js';

/**
 * A real agent of one revision, whose user agrees to everything: takes a form's defaults, opens the pages it is sent
 * to.
 */
export async function connectScenarioAgent(url: URL, token: string, revision: Revision): Promise<Client> {
  const person = new Person('alice', { agentRedirectUri: 'urn:nobody' });
  const client = new Client(
    { name: 'Conformance agent', version: '1.0.0' },
    {
      capabilities: { elicitation: { form: { applyDefaults: true }, url: {} } },
      ...(revision === '2026-07-28'
        ? { versionNegotiation: { mode: { pin: revision } } }
        : { supportedProtocolVersions: [revision] }),
    },
  );
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    if (params.mode === 'url') await person.visit(params.url);
    return params.mode === 'url' ? { action: 'accept' } : { action: 'accept', content: {} };
  });
  await client.connect(
    new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return client;
}
