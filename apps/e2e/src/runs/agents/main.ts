import assert from 'node:assert/strict';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { Person } from '../../agents/person.js';
import { openBrowser } from '../../agents/open-browser.js';
import { READY, standaloneOnFreePorts } from '../../system/spawn-standalone.js';
import { prepareAgents, runAgent, startProgram } from './agent-program.js';
import type { AgentFolder } from './agent-program.js';
import { inspectInBrowser } from './inspector-in-browser.js';

interface ForeignAgent {
  readonly name: string;
  /** The arguments of `run.sh agent`, and whose. */
  readonly args: readonly string[];
  readonly folder?: AgentFolder;
  /** How often a person is sent to sign in; once where it is not said. */
  readonly signIns?: number;
}

/** Agents that others wrote. */
const AGENTS: readonly ForeignAgent[] = [
  { name: 'MCP SDK 1.10.2', args: ['sdk', 'sdk-1-10'] },
  { name: 'MCP SDK 1.12.3', args: ['sdk', 'sdk-1-12'] },
  { name: 'MCP SDK 1.18.2', args: ['sdk', 'sdk-1-18'] },
  { name: 'MCP SDK 1.32.2', args: ['sdk', 'sdk-1-32'] },
  { name: 'MCP client 2.4.0', args: ['client-2'] },
  { name: 'Vercel AI SDK 2.0.99', args: ['ai-sdk'] },
  { name: 'LangChain adapters 1.1.4', args: ['langchain'] },
  { name: 'OpenAI Agents SDK 0.20.0', args: ['openai-agents'] },
  // Its command line keeps no sign-in for the next command.
  { name: 'MCP Inspector 2.12.0, 2025-11-25', folder: 'inspector', args: ['legacy'], signIns: 2 },
  { name: 'MCP Inspector 2.12.0, 2026-07-28', folder: 'inspector', args: ['modern'], signIns: 2 },
];
const TOOL = 'whoami__whoami';
/** Where Inspector's page is by default: `npm start` lets pages of this origin in. */
const INSPECTOR_PORT = 6274;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** Runs each against `npm start` as it is shipped. @returns whether all did what an agent does */
async function foreignAgents(): Promise<boolean> {
  const began = performance.now();
  const scratch = makeScratch('foreign-agents');
  const [standalone] = await Promise.all([standaloneOnFreePorts(`${scratch}/data`), prepareAgents()]);
  say(`  agents: prepared in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  const product = await standalone.spawn(READY);
  const mcpUrl = `${standalone.gatewayUrl}/mcp`;
  let failed = 0;
  const trial = async (name: string, work: () => Promise<string>): Promise<void> => {
    try {
      say(`✓ ${name}: ${await work()}`);
    } catch (error) {
      failed += 1;
      say(`✗ ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const env = { MCP_URL: mcpUrl, TOOL, HOME: scratch };
  try {
    for (const { signIns: wanted = 1, ...agent } of AGENTS) {
      await trial(agent.name, async () => {
        const person = new Person('alice', { agentRedirectUri: 'urn:nobody' });
        const { tools, text, signIns } = await runAgent(agent, env, (url) => person.visit(url));
        assert.ok(tools.includes(TOOL), `it lists ${tools.join(', ')}`);
        assert.match(text, /usr_[0-9a-z]{26}/);
        assert.equal(signIns, wanted, 'times somebody had to sign in');
        return `signs in, lists ${tools.length} tools, calls one`;
      });
    }
    await trial('MCP Inspector 1.0.3, its page in Chromium, without its own server', () => inspectorPage(mcpUrl));
  } finally {
    await product.stop();
    removeScratch(scratch);
  }
  if (failed > 0) say(product.output().split('\n').slice(-40).join('\n'));
  say(
    `foreign agents: ${AGENTS.length + 1 - failed} passed, ${failed} failed, ${((performance.now() - began) / 1000).toFixed(0)} s`,
  );
  return failed === 0;
}

async function inspectorPage(mcpUrl: string): Promise<string> {
  const settings = { CLIENT_PORT: String(INSPECTOR_PORT), MCP_AUTO_OPEN_ENABLED: 'false' };
  const stop = await startProgram(['inspector-page'], settings, /up and running/);
  const browser = await openBrowser();
  try {
    const text = await inspectInBrowser(browser, { pageUrl: `http://localhost:${INSPECTOR_PORT}`, mcpUrl });
    assert.match(text, /usr_/);
    return 'signs in, lists the tools, calls one';
  } finally {
    await browser.close();
    await stop();
  }
}

process.exitCode = (await foreignAgents()) ? 0 : 1;
