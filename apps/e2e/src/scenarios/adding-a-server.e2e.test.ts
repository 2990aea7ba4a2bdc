import { appendFileSync, copyFileSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { demoConfiguration } from '@sallyport/demo';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import type { Agent } from '../agents/agent.js';
import { recordsOf, sallyport, type CommandLineOptions } from '../system/command-line.js';
import { startStandalone } from '../system/start-standalone.js';

type Standalone = Awaited<ReturnType<typeof startStandalone>>;

/** The demonstration's configuration without its servers, and without whoever may reach them. */
const withoutServers = (urls: Parameters<typeof demoConfiguration>[0]): string =>
  demoConfiguration(urls)
    .split('---\n')
    .filter((part) => !/^kind: (McpServer|CredentialProvider)$/m.test(part) && !part.includes('gateway-to-server'))
    .join('---\n');

describe('a server is added from its address alone', () => {
  let system: Standalone;
  let scratch: string;
  let here: CommandLineOptions;
  let agent: Agent;
  beforeAll(async () => {
    system = await startStandalone({ configure: withoutServers });
    scratch = makeScratch('adding-a-server');
    here = { env: { SALLYPORT_DATA_DIR: dirname(system.keys) }, cwd: scratch };
  });
  afterAll(async () => {
    await agent?.close();
    await system?.stop();
    removeScratch(scratch);
  });
  const configurationFile = () => join(dirname(system.keys), 'e2e.yaml');
  const declared = (file: string) => readFileSync(join(scratch, file), 'utf8');

  test('`sallyport add` finds out how users of notes sign in, and that whoami takes our tokens (R69)', async () => {
    const notes = await sallyport(
      ['add', system.demo.urls.notes, '--role', 'developer', '--name', 'notes', '--out', 'notes.yaml'],
      here,
    );
    expect(notes, notes.stderr).toMatchObject({ exitCode: 0, stderr: '' });
    expect(notes.stdout).toContain('dynamic registration');
    expect(declared('notes.yaml')).toContain('type: mcp-user-oauth');
    expect(declared('notes.yaml')).not.toContain('OutboundNetwork'); // the one that is there allows it
    const whoami = await sallyport(['add', system.demo.urls.whoami, '--name', 'whoami', '--out', 'whoami.yaml'], here);
    expect(whoami.exitCode, whoami.stderr).toBe(0);
    expect(declared('whoami.yaml')).toContain('type: gateway-token');
    copyFileSync(configurationFile(), join(scratch, 'base.yaml'));
    const validated = await sallyport(['validate', '.'], here);
    expect(validated.exitCode, validated.stderr).toBe(0);
  });

  test('what it wrote is in force as it is, and allows nothing that nobody looked at (R25)', async () => {
    appendFileSync(configurationFile(), `---\n${declared('notes.yaml')}---\n${declared('whoami.yaml')}`);
    await system.killAndRestart();
    agent = await connectModernAgent({
      gatewayUrl: system.gatewayUrl,
      name: 'Modern Agent',
      redirectUri: system.redirectUri,
      person: new Person('alice', { agentRedirectUri: system.redirectUri }),
      clientMetadataUrl: system.clientMetadataUrl,
    });
    expect(await agent.toolNames()).toEqual(['notes__connect']);
    expect(await agent.call('notes__connect')).toMatchObject({ isError: false });
    const known = async () => {
      await agent.toolNames();
      const listed = await sallyport(['pins', 'list', 'notes', '--json'], here);
      return recordsOf(listed.stdout).map(({ value }) => value['name']);
    };
    await expect.poll(known).toEqual(expect.arrayContaining(['list_notes', 'add_note']));
    await expect(agent.call('notes__list_notes')).rejects.toThrow('Unknown tool');
  });

  test('after the tools that only read are approved, an agent calls them and no others', async () => {
    const approved = await sallyport(['pins', 'approve', 'notes', 'list_notes', 'search_notes', 'add_note'], here);
    expect(approved.exitCode, approved.stderr).toBe(0);
    await expect.poll(() => agent.toolNames()).toEqual(['notes__list_notes', 'notes__search_notes']);
    expect(await agent.call('notes__list_notes')).toMatchObject({ isError: false, text: 'No notes.' });
    // Approved as what it is: it writes, and the first policy is for what reads.
    await expect(agent.call('notes__add_note', { text: 'no' })).rejects.toThrow('Unknown tool');
  });
});
