import { decodeJwt } from 'jose';
import { expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import type { System } from '../system/system.js';

/**
 * What the gateway is for, in one test: an agent and a server never hold a token of each other (MCP Authorization,
 * "Token Passthrough"). `whoami` echoes what the token says that it is shown; `downstream` records every token that a
 * server is shown.
 */
export function describeTokenNeverPassedThrough(system: () => System): void {
  test('a token is never passed through: a server is shown its own, and the agent sees none of it (R50)', async () => {
    const { gatewayUrl, redirectUri, demo, downstream } = system();
    const alice = new Person('alice', { agentRedirectUri: redirectUri });
    const agent = await connectModernAgent({ gatewayUrl, redirectUri, name: 'Some Agent', person: alice });

    const answer = await agent.call('whoami__whoami');

    const held = decodeJwt(agent.token());
    expect(held.aud).toBe(`${gatewayUrl}/mcp`);
    const echoed: unknown = JSON.parse(answer.text);
    expect(echoed).toMatchObject({ aud: demo.urls.whoami, sub: held.sub, act: { sub: held['client_id'] } });

    const recorded = downstream.presentedTo(demo.urls.whoami);
    expect(recorded).not.toEqual([]);
    expect(recorded).not.toContain(agent.token());
    for (const token of recorded) expect(await agent.recording.text()).not.toContain(token);
    await agent.close();
  });
}
