import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordsOf, sallyport, type CommandLineOptions } from '../system/command-line.js';
import { startStandalone } from '../system/start-standalone.js';
import { IDENTITY_PROVIDER_CLIENT_SECRET } from '../system/surroundings.js';

type Standalone = Awaited<ReturnType<typeof startStandalone>>;

const role = (name: string, scopes: string) => `kind: Role
name: ${name}
spec: { scopes: [${scopes}], members: [{ trustProvider: demo, groups: [sales] }] }
`;

/** A deployment in which nothing is configured but what it may connect to. */
const nothingYet = () => `kind: OutboundNetwork
name: default
spec:
  allow:
    - { host: 127.0.0.1, ports: [7403], http: true }
`;

describe('configuration as code, on the command line', () => {
  let system: Standalone;
  let scratch: string;
  let here: CommandLineOptions;
  beforeAll(async () => {
    system = await startStandalone();
    scratch = makeScratch('as-code');
    here = { env: { SALLYPORT_DATA_DIR: dirname(system.keys) }, cwd: scratch };
    mkdirSync(join(scratch, 'team'));
    writeFileSync(join(scratch, 'team/sallyport.set.yaml'), 'set: team\n');
    writeFileSync(join(scratch, 'team/roles.yaml'), `# whom the team lets in\n${role('writer', 'notes.write')}`);
  });
  afterAll(async () => {
    await system?.stop();
    removeScratch(scratch);
  });

  test('plan says what would change and changes nothing; apply does exactly that, in force at the gateway (R69)', async () => {
    const planned = await sallyport(['plan', 'team', '--exit-code'], here);
    expect(planned).toMatchObject({ exitCode: 2 });
    expect(planned.stdout).toMatch(/^\+ team\/roles\.yaml:2:1 {2}Role writer$/m);
    expect((await sallyport(['plan', 'team'], here)).stdout).toBe(planned.stdout);

    const applied = await sallyport(['apply', 'team', '--note', 'first'], here);
    expect(applied).toMatchObject({ exitCode: 0 });
    expect(applied.stdout).toMatch(/\nApplied as revision \d+, in force at the gateway\.\n$/);
    expect(await sallyport(['plan', 'team', '--exit-code'], here)).toMatchObject({ exitCode: 0 });
  });

  test('a saved plan is carried out once, and refused with 4 when something changed in between (R69)', async () => {
    writeFileSync(join(scratch, 'team/roles.yaml'), role('writer', 'notes.read, notes.write'));
    expect(await sallyport(['plan', 'team', '--out', 'saved.plan'], here)).toMatchObject({ exitCode: 0 });
    writeFileSync(join(scratch, 'other.yaml'), role('other', 'notes.read'));
    expect(await sallyport(['apply', 'other.yaml', '--set', 'other'], here)).toMatchObject({ exitCode: 0 });
    const moved = await sallyport(['apply', 'saved.plan'], here);
    expect(moved).toMatchObject({ exitCode: 4 });
    expect(moved.stderr).toContain('error: Documents changed since');

    expect(await sallyport(['plan', 'team', '--out', 'saved.plan'], here)).toMatchObject({ exitCode: 0 });
    const applied = await sallyport(['apply', 'saved.plan', '--json'], here);
    expect(applied).toMatchObject({ exitCode: 0 });
    expect(recordsOf(applied.stdout).at(-1)).toMatchObject({ type: 'applied', value: { gateways: 1, waiting: [] } });
  });

  test('another set is touched by nobody who does not say so: 4, and then it is taken over (R69)', async () => {
    writeFileSync(join(scratch, 'mine.yaml'), role('other', 'notes.read, notes.write'));
    const refused = await sallyport(['apply', 'mine.yaml', '--set', 'mine'], here);
    expect(refused).toMatchObject({ exitCode: 4 });
    expect(await sallyport(['apply', 'mine.yaml', '--set', 'mine', '--take-over'], here)).toMatchObject({
      exitCode: 0,
    });
  });

  test('what is left out stays unless it is pruned, and only of the set (R69)', async () => {
    writeFileSync(join(scratch, 'team/roles.yaml'), role('reviewer', 'notes.read'));
    await sallyport(['apply', 'team'], here);
    const kept = await sallyport(['export', '--set', 'team', '--json'], here);
    expect(recordsOf(kept.stdout).map(({ value }) => value['name'])).toEqual(['reviewer', 'writer']);
    await sallyport(['apply', 'team', '--prune'], here);
    const pruned = await sallyport(['export', '--json'], here);
    const names = recordsOf(pruned.stdout).map(({ value }) => value['name']);
    expect(names).toEqual(expect.arrayContaining(['reviewer', 'other', 'notes']));
    expect(names).not.toContain('writer');
  });

  test('what is exported and applied again changes nothing, and diff says so (R69)', async () => {
    expect(await sallyport(['export', 'exported', '--set', 'file'], here)).toMatchObject({ exitCode: 0 });
    const files = readdirSync(join(scratch, 'exported'));
    expect(files).toContain('access-policy.yaml');
    expect(readFileSync(join(scratch, 'exported/sallyport.set.yaml'), 'utf8')).toBe('set: file\n');
    expect(await sallyport(['plan', 'exported', '--prune', '--exit-code'], here)).toMatchObject({ exitCode: 0 });
    expect(await sallyport(['diff', 'exported', '--exit-code'], here)).toMatchObject({ exitCode: 0, stdout: '' });
    const servers = join(scratch, 'exported/mcp-server.yaml');
    writeFileSync(servers, readFileSync(servers, 'utf8').replace('title: Notes', 'title: My notes'));
    const differs = await sallyport(['diff', 'exported', '--exit-code'], here);
    expect(differs.exitCode).toBe(2);
    expect(differs.stdout).toContain('-  title: Notes\n+  title: My notes\n');
    const back = await sallyport(['export', 'exported'], here);
    expect(back).toMatchObject({ exitCode: 0 });
    expect(back.stdout).toMatch(/^~ exported\/mcp-server\.yaml\nExported \d+ documents: 1 file changes\.\n$/);
    expect(await sallyport(['diff', 'exported', '--exit-code'], here)).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await sallyport(['export', 'exported', '--set', 'team'], here)).toMatchObject({ exitCode: 3 });
  });

  test('history says who changed what, and a change set is taken back (R69, R70)', async () => {
    const changed = role('reviewer', 'notes.read, notes.write');
    writeFileSync(join(scratch, 'team/roles.yaml'), changed);
    const applied = recordsOf((await sallyport(['apply', 'team', '--note', 'too much', '--json'], here)).stdout).at(-1);
    const revision = String(applied?.value['revision']);

    const list = await sallyport(['history', '--set', 'team'], here);
    expect(list.stdout.split('\n')[1]).toMatch(new RegExp(`^${revision} .*\\bteam\\b.*\\btoo much$`));
    const shown = await sallyport(['history', 'show', revision], here);
    expect(shown.stdout).toMatch(/^Revision \d+, .* by administrator-token \(token, api\), set team\ntoo much\n/);
    expect(shown.stdout).toMatch(/^\+ {4}- notes\.write$/m);

    const looked = await sallyport(['history', 'revert', revision, '--set', 'team', '--dry-run'], here);
    expect(looked.stdout).toMatch(/^~ .*Role reviewer {2}spec\.scopes/m);
    expect((await sallyport(['plan', 'team', '--exit-code'], here)).exitCode).toBe(0);
    const reverted = await sallyport(['history', 'revert', revision, '--set', 'team'], here);
    expect(reverted).toMatchObject({ exitCode: 0 });
    expect(reverted.stdout).toMatch(/\nApplied as revision \d+, in force at the gateway\.\n$/);
    expect((await sallyport(['plan', 'team', '--exit-code'], here)).exitCode).toBe(2);
    expect(await sallyport(['history', 'revert', 'all'], here)).toMatchObject({ exitCode: 3 });
    writeFileSync(join(scratch, 'team/roles.yaml'), role('reviewer', 'notes.read'));
    expect((await sallyport(['plan', 'team', '--exit-code'], here)).exitCode).toBe(0);
  });

  test('export into the folder of a set keeps comments, and what is in force stands in it (R69)', async () => {
    const kept = (scopes: string) => `# whom the team lets in\n${role('reviewer', scopes)}# ask before you widen it\n`;
    const roles = join(scratch, 'team/roles.yaml');
    writeFileSync(roles, kept('notes.read'));
    writeFileSync(
      join(scratch, 'changed.yaml'),
      `${role('reviewer', 'notes.write')}---\n${role('added', 'notes.read')}`,
    );
    expect(await sallyport(['apply', 'changed.yaml', '--set', 'team'], here)).toMatchObject({ exitCode: 0 });
    expect(await sallyport(['plan', 'team', '--prune', '--exit-code'], here)).toMatchObject({ exitCode: 2 });

    const exported = await sallyport(['export', 'team'], here);
    expect(exported).toMatchObject({ exitCode: 0 });
    expect(exported.stdout).toContain('~ team/roles.yaml\n');
    expect(readFileSync(roles, 'utf8').split('---\n')[0]).toBe(kept('notes.write'));
    expect(await sallyport(['plan', 'team', '--prune', '--exit-code'], here)).toMatchObject({ exitCode: 0 });
    expect((await sallyport(['export', 'team'], here)).stdout).toContain(': 0 files change.\n');

    writeFileSync(join(scratch, 'team/theirs.yaml'), role('other', 'notes.read'));
    expect(await sallyport(['export', 'team'], here)).toMatchObject({ exitCode: 4 });
    expect(readFileSync(join(scratch, 'team/theirs.yaml'), 'utf8')).toBe(role('other', 'notes.read'));
  });

  test('what is exported of one deployment makes the same documents in another, an empty one (R69)', async () => {
    expect(await sallyport(['export', 'everything'], here)).toMatchObject({ exitCode: 0 });
    const documentsOf = async (of: CommandLineOptions) =>
      recordsOf((await sallyport(['export', '--json'], of)).stdout).map(({ value }) => value);
    const wanted = await documentsOf(here);
    const empty = await startStandalone({ configure: nothingYet });
    try {
      const there: CommandLineOptions = {
        cwd: scratch,
        env: {
          SALLYPORT_DATA_DIR: dirname(empty.keys),
          SALLYPORT_DEMO_IDP_CLIENT_SECRET: IDENTITY_PROVIDER_CLIENT_SECRET,
        },
      };
      expect((await documentsOf(there)).map(({ kind }) => kind)).toEqual(['OutboundNetwork']);
      const applied = await sallyport(['apply', 'everything', '--set', 'file', '--take-over', '--force'], there);
      expect(applied, applied.stderr).toMatchObject({ exitCode: 0 });
      expect(await documentsOf(there)).toEqual(wanted);
      expect(wanted.length).toBeGreaterThan(10);
    } finally {
      await empty.stop();
    }
  });

  test('the system gives the schemas that the command line prints, to administrators only (R69)', async () => {
    const ask = (kind: string, headers: Record<string, string>) =>
      fetch(`${system.controlPlaneUrl}/v1/schemas/${kind}`, { headers });
    const known = { authorization: `Bearer ${system.adminToken}` };
    for (const [kind, args] of [
      ['AccessPolicy', ['AccessPolicy']],
      ['documents', []],
    ] as const) {
      const printed = await sallyport(['schema', ...args], here);
      expect(await (await ask(kind, known)).json()).toEqual(JSON.parse(printed.stdout));
    }
    expect((await ask('Nothing', known)).status).toBe(404);
    expect((await ask('AccessPolicy', {})).status).toBe(401);
  });

  test('documents that are not valid together are refused with file and line: 3 (R69)', async () => {
    writeFileSync(
      join(scratch, 'wrong.yaml'),
      role('wrong', 'notes.read').replace('trustProvider: demo', 'trustProvider: nobody'),
    );
    const refused = await sallyport(['apply', 'wrong.yaml', '--set', 'mine'], here);
    expect(refused).toMatchObject({ exitCode: 3, stdout: '' });
    expect(refused.stderr).toContain('wrong.yaml:1');
  });
});
