import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordsOf, sallyport, type CommandLineOptions } from '../system/command-line.js';
import { startStandalone } from '../system/start-standalone.js';

const SERVERS = 500;
const POLICIES_EACH = 10;
/** The aim is 10 s on a machine that does nothing else (docs/configuration-as-code.md has the figures). */
const BOUND_MS = 60_000;

const policyOf = (server: string, index: number) => `---
kind: AccessPolicy
name: ${server}-${index}
spec:
  hop: gateway-to-server
  server: ${server}
  users: { trustProvider: demo, groups: [team-${index}] }
  credentialProvider: ${server}
  tools: [{ match: ["get_${index}_*"] }]
`;
const fileOf = (server: string) => `kind: McpServer
name: ${server}
spec: { url: "https://${server}.example/mcp" }
---
kind: CredentialProvider
name: ${server}
spec: { type: mcp-user-oauth, server: ${server} }
${Array.from({ length: POLICIES_EACH }, (_, index) => policyOf(server, index)).join('')}`;

describe('a folder of 500 servers and 5,000 policies', () => {
  let system: Awaited<ReturnType<typeof startStandalone>>;
  let scratch: string;
  let here: CommandLineOptions;
  beforeAll(async () => {
    system = await startStandalone({ logLevel: 'warn' });
    scratch = makeScratch('large-set');
    here = { env: { SALLYPORT_DATA_DIR: dirname(system.keys) }, cwd: scratch };
    mkdirSync(join(scratch, 'company'));
    writeFileSync(join(scratch, 'company/sallyport.set.yaml'), 'set: company\n');
    for (let index = 0; index < SERVERS; index++)
      writeFileSync(join(scratch, `company/server-${index}.yaml`), fileOf(`server-${index}`));
  });
  afterAll(async () => {
    await system?.stop();
    removeScratch(scratch);
  });

  /** Runs the command line. @returns what it printed, and the milliseconds from its start to its end */
  async function timed(...args: string[]) {
    const begun = performance.now();
    const ended = await sallyport([...args, '--json'], here);
    const took = Math.round(performance.now() - begun);
    expect(ended.exitCode, ended.stderr).toBe(0);
    return { took, records: recordsOf(ended.stdout) };
  }

  test('is planned and applied in seconds, and so is one policy more (R70)', { timeout: 300_000 }, async () => {
    const documents = SERVERS * (2 + POLICIES_EACH);
    const planned = await timed('plan', 'company', '--out', 'saved.plan');
    expect(planned.records.filter(({ type }) => type === 'change')).toHaveLength(documents);
    const applied = await timed('apply', 'saved.plan');
    expect(applied.records.at(-1)).toMatchObject({ type: 'applied', value: { gateways: 1, waiting: [] } });
    const again = await timed('plan', 'company');
    expect(again.records.filter(({ type }) => type === 'change')).toEqual([]);

    writeFileSync(join(scratch, 'company/more.yaml'), policyOf('server-0', POLICIES_EACH));
    const more = await timed('apply', 'company');
    expect(more.records.filter(({ type }) => type === 'change')).toHaveLength(1);
    process.stdout.write(
      `${documents} documents: plan ${planned.took} ms, apply of the plan until it is live ${applied.took} ms, ` +
        `plan without a change ${again.took} ms, apply with one policy more ${more.took} ms\n`,
    );
    expect(planned.took + applied.took).toBeLessThan(BOUND_MS);
  });
});
