import { expect, it } from 'vitest';
import { writeDeployment } from '../test/write-deployment.js';

const { start } = writeDeployment();

it(
  '500 servers and 5,000 policies are planned and applied in seconds, and one policy more at once (R70)',
  { timeout: 120_000 },
  async () => {
    const admin = await start();
    const servers = Array.from({ length: 500 }, (_, i) => `server-${i}`);
    const documents = [
      ...servers.flatMap((name) => [
        { kind: 'McpServer', name, spec: { url: `https://${name}.example/mcp` } },
        { kind: 'CredentialProvider', name, spec: { type: 'mcp-user-oauth', server: name } },
      ]),
      ...Array.from({ length: 5_000 }, (_, i) => {
        const of = servers[i % servers.length];
        const tools = [{ match: [`tool-${i}-*`] }];
        return {
          kind: 'AccessPolicy',
          name: `policy-${i}`,
          spec: { hop: 'gateway-to-server', server: of, credentialProvider: of, when: `user.id != "u${i}"`, tools },
        };
      }),
    ];
    const took: number[] = [];
    const send = async (query: string, body: object) => {
      const begun = performance.now();
      const answer = await admin.call('POST', `/v1/change-sets${query}`, { set: 'platform', ...body });
      took.push(Math.round(performance.now() - begun));
      return answer;
    };
    expect((await send('?dryRun=true', { documents })).body.plan.changes).toHaveLength(6_000);
    expect((await send('', { documents })).body.changed).toBe(true);
    expect((await send('', { documents })).body).toMatchObject({ changed: false, plan: { unchanged: 6_000 } });
    expect(
      (
        await send('', {
          documents: [{ ...documents.at(-1), spec: { ...documents.at(-1)?.spec, tools: [{ match: ['x'] }] } }],
        })
      ).status,
    ).toBe(200);
    expect((took[0] ?? 0) + (took[1] ?? 0)).toBeLessThan(30_000);
  },
);
