import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { startLegacyEverything } from '../../system/everything/start-legacy.js';
import { startModernEverything } from '../../system/everything/start-modern.js';
import { signIn } from '../../agents/sign-in.js';
import { serversConfiguration, SERVERS_SCOPE } from '../../system/servers-configuration.js';
import { startStandalone } from '../../system/start-standalone.js';
import type { McpFacts } from './mcp-case.js';

export interface FuzzedGateway {
  readonly gateway: URL;
  facts(): Promise<McpFacts>;
  /** Resident memory of the whole system's process, in megabytes; 0 where the operating system does not say. */
  residentMegabytes(): number;
  stop(): Promise<void>;
}

const Listed = z.object({ result: z.object({ tools: z.array(z.object({ name: z.string() })).min(1) }) });
const Begun = z.object({ result: z.object({ taskId: z.string() }) });
const META = 'io.modelcontextprotocol/';
/** A tool that waits as long as it is told would only slow the run down. */
const SLOW = /test_slow|test_long_stream/;

/** A deployment in front of an everything server on each SDK line. */
export async function startFuzzedGateway(): Promise<FuzzedGateway> {
  const servers = await Promise.all([startModernEverything(), startLegacyEverything()]);
  const [modern, legacy] = servers;
  const system = await startStandalone({
    logLevel: 'fatal',
    configure: (demo) =>
      serversConfiguration(
        [
          { name: 'modern', url: modern.url },
          { name: 'legacy', url: legacy.url },
        ],
        demo,
      ),
  });
  const gateway = new URL(system.gatewayUrl);
  const post = (token: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(new URL('/mcp', gateway), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify(body),
    });
  return {
    gateway,
    async facts() {
      const [{ accessToken }, revoked] = await Promise.all([
        signIn(system, SERVERS_SCOPE),
        signIn(system, SERVERS_SCOPE),
      ]);
      await fetch(`${system.issuer}/revoke`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: revoked.publicClientId, token: revoked.refreshToken }),
      });
      const initialized = await post(accessToken, {
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'fuzz', version: '1' } },
      });
      const listed = await post(accessToken, { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} });
      const _meta = {
        [`${META}protocolVersion`]: '2026-07-28',
        [`${META}clientCapabilities`]: { extensions: { [`${META}tasks`]: {} } },
      };
      const begun = await post(
        accessToken,
        { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'modern__failing_job', arguments: {}, _meta } },
        { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'modern__failing_job' },
      );
      const { taskId } = Begun.parse(await begun.json()).result;
      const [first = '', ...others] = Listed.parse(await listed.json())
        .result.tools.map(({ name }) => name)
        .filter((name) => !SLOW.test(name));
      return {
        token: accessToken,
        revokedToken: revoked.accessToken,
        sessionId: initialized.headers.get('mcp-session-id') ?? '',
        taskId,
        tools: [first, ...others],
        resources: [
          'via-modern+test://static-text',
          'via-legacy+test://static-text',
          'via-modern+test://static-binary',
          'test://static-text',
        ],
        prompts: [
          'modern__test_simple_prompt',
          'legacy__test_prompt_with_arguments',
          'modern__test_prompt_with_embedded_resource',
          'test_simple_prompt',
        ],
      };
    },
    residentMegabytes: () => residentMegabytes(system.pid()),
    async stop() {
      await system.stop();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

function residentMegabytes(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1024);
}
