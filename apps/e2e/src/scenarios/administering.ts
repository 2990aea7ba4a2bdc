import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdminClient } from '@sallyport/admin-api';
import { Secret } from '@sallyport/kernel';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logInAt } from '../agents/log-in.js';
import { connectModernAgent, type ModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { recordsOf, sallyport, type CommandLineOptions, type Ended } from '../system/command-line.js';
import type { System } from '../system/system.js';
import { PIPELINE, type Workloads } from './administered-configuration.js';

const TOOL = 'whoami__whoami';
/** Between a change and what an agent hears: other tests run beside it, on as few as two cores. */
const SOON = { timeout: 20_000 };

/**
 * The story of those who administer. The owner adds a server, a policy author keeps to policies, a pipeline has no
 * secret; a mistake is reverted, and what somebody changed by hand is seen. Each chapter begins where the last ended.
 */
export function describeAdministering(system: () => System, workloads: Workloads): void {
  describe('administering', () => {
    let scratch: string;
    let alicesAgent: ModernAgent;
    let thief: Thief;
    beforeAll(async () => {
      scratch = makeScratch('administering');
      thief = await startThief();
      alicesAgent = await connectModernAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'Modern Agent',
        redirectUri: system().redirectUri,
        person: new Person('alice', { agentRedirectUri: system().redirectUri }),
        clientMetadataUrl: system().clientMetadataUrl,
      });
    });
    afterAll(async () => {
      await alicesAgent?.close();
      await thief?.stop();
      removeScratch(scratch);
    });

    /** Somebody's machine: their sign-ins, and their clone of the team's folder. */
    const machineOf = (name: string): CommandLineOptions & { readonly cwd: string } => {
      const cwd = join(scratch, name);
      mkdirSync(cwd, { recursive: true });
      return { env: { XDG_CONFIG_HOME: join(cwd, '.config') }, cwd };
    };
    const owner = (...args: string[]) => sallyport(args, machineOf('owner'));
    const author = (...args: string[]) => sallyport(args, machineOf('author'));
    const pipeline = (...args: string[]) => {
      const { cwd } = machineOf('pipeline');
      const env = {
        SALLYPORT_URL: system().controlPlaneUrl,
        SALLYPORT_CLIENT_ID: PIPELINE,
        SALLYPORT_CLIENT_ASSERTION_FILE: 'workload-token',
      };
      return sallyport(args, { env, cwd });
    };
    const FILE = 'platform/whoami.yaml';
    const edit = (name: string, what: string | RegExp, instead: string, file = FILE): void => {
      const path = join(machineOf(name).cwd, file);
      const before = readFileSync(path, 'utf8');
      const after = before.replace(what, instead);
      expect(after, `${String(what)} in ${before}`).not.toBe(before);
      writeFileSync(path, after);
    };
    const pull = (name: string, from = 'owner'): void =>
      cpSync(join(scratch, from, 'platform'), join(machineOf(name).cwd, 'platform'), { recursive: true });
    /** The owner as a program, with the token that `login` left. */
    const ownersApi = () => {
      const kept = join(scratch, 'owner/.config/sallyport/sign-ins/here.json');
      const { accessToken } = JSON.parse(readFileSync(kept, 'utf8')) as { accessToken: string };
      return createAdminClient({ url: system().controlPlaneUrl, token: new Secret(accessToken) });
    };
    const endsWith = (ended: Ended, exitCode: number): Ended => {
      expect(ended.exitCode, `${ended.stdout}\n${ended.stderr}`).toBe(exitCode);
      return ended;
    };
    const revisionIn = ({ stdout }: Ended): number =>
      Number(recordsOf(stdout).find(({ type }) => type === 'applied')?.value['revision']);

    test('the owner signs in with the command line (R69, S29)', async () => {
      endsWith(await logInAt(system().controlPlaneUrl, 'admin', machineOf('owner'), '--context', 'here'), 0);
      expect((await owner('whoami')).stdout).toMatch(/^roles {2}owner$/m);
    });

    test('adds a server, looks at the plan and applies it; the agent of alice has its tools at once (R53, R70, B22)', async () => {
      const held = alicesAgent.token();
      const told = await alicesAgent.hearOfTools();
      expect(await alicesAgent.toolNames()).not.toContain(TOOL);

      mkdirSync(join(machineOf('owner').cwd, 'platform'));
      writeFileSync(join(scratch, 'owner/platform/sallyport.set.yaml'), 'set: platform\n');
      const { whoami } = system().demo.urls;
      endsWith(await owner('add', whoami, '--name', 'whoami', '--role', 'developer', '--out', FILE), 0);
      // The server tells its tools to nobody who is not signed in: the owner names the one to allow.
      edit('owner', /match:\s+- "\*"|match:\s+- '\*'|match: \[.*\]/, 'match: [whoami]');
      edit('owner', /^ +when: .*\n/m, '');

      const planned = endsWith(await owner('plan', 'platform', '--exit-code'), 2);
      for (const kind of ['McpServer', 'CredentialProvider', 'AccessPolicy'])
        expect(planned.stdout).toMatch(new RegExp(`^\\+ platform/whoami\\.yaml:\\d+:\\d+ {2}${kind} `, 'm'));
      expect(told()).toBe(0);

      const applied = endsWith(await owner('apply', 'platform', '--note', 'whoami for developers'), 0);
      expect(applied.stdout).toMatch(/\nApplied as revision \d+, in force at (the gateway|all \d gateways)\.\n$/);
      endsWith(await owner('plan', 'platform', '--exit-code'), 0);

      await expect.poll(told, SOON).toBeGreaterThan(0);
      expect(await alicesAgent.toolNames()).toContain(TOOL);
      expect(await alicesAgent.call(TOOL)).toMatchObject({ isError: false });
      expect(alicesAgent.token()).toBe(held);
    });

    test('a policy author tries to redirect a credential, in three ways, and cannot (R27, S29)', async () => {
      endsWith(await logInAt(system().controlPlaneUrl, 'bob', machineOf('author'), '--context', 'here'), 0);
      expect((await author('whoami')).stdout).toMatch(/^roles {2}policy-author$/m);
      const before = await ownersApi().readConfiguration();

      pull('author');
      edit('author', system().demo.urls.whoami, thief.url);
      const moved = endsWith(await author('apply', 'platform'), 5);
      expect(moved.stderr).toContain('servers:write');

      pull('author');
      const elsewhere = '$1type: mcp-user-oauth\n$1client: { issuer: https://thief.example, clientId: sallyport }';
      edit('author', /^( +)type: gateway-token$/m, elsewhere);
      const reissued = endsWith(await author('apply', 'platform'), 5);
      expect(reissued.stderr).toContain('credential-providers:write');

      pull('author');
      const hop = 'hop: gateway-to-server\n  server: ';
      edit('author', `${hop}whoami`, `${hop}notes`);
      const borrowed = endsWith(await author('apply', 'platform'), 3);
      expect(borrowed.stderr).toContain('yields credentials for the server "whoami"');

      expect(await ownersApi().readConfiguration()).toEqual(before);
      expect(await alicesAgent.call(TOOL)).toMatchObject({ isError: false });
      expect(thief.requests()).toBe(0);
      const refused = await owner('events', '--type', 'administrator.refused', '--json');
      expect(recordsOf(refused.stdout).length).toBeGreaterThanOrEqual(2);
    });

    let mistake = 0;
    test('what a policy author may do is done, with a mistake in it: the tool is gone (S27, S29)', async () => {
      pull('author');
      edit('author', /^( +)roles:.*(\n +- developer)?/m, '$1roles: [reader]');
      mistake = revisionIn(endsWith(await author('apply', 'platform', '--json'), 0));
      await expect.poll(() => alicesAgent.toolNames(), SOON).not.toContain(TOOL);
      await expect(alicesAgent.call(TOOL)).rejects.toThrow('Unknown tool');
    });

    test('the owner reverts that change, and alice has the tool again (S27)', async () => {
      const history = endsWith(await owner('history', '--set', 'platform', '--json'), 0);
      expect(recordsOf(history.stdout)[0]?.value).toMatchObject({ revision: mistake, actor: { type: 'user' } });
      const note = ['--note', 'developers need it'];
      const reverted = await owner('history', 'revert', String(mistake), '--set', 'platform', ...note);
      expect(endsWith(reverted, 0).stdout).toMatch(/in force at (the gateway|all \d gateways)\.\n$/);
      await expect.poll(() => alicesAgent.toolNames(), SOON).toContain(TOOL);
      endsWith(await owner('plan', 'platform', '--exit-code'), 0);
      const { changeSets } = await ownersApi().listChangeSets({ query: { set: 'platform' } });
      expect(changeSets.map(({ source, actor: { type } }) => [source, type])).toEqual([
        ['revert', 'user'],
        ['api', 'user'],
        ['api', 'user'],
      ]);
    });

    test('a pipeline without a secret plans and applies; another workload does neither (R5, B23)', async () => {
      pull('pipeline');
      edit('pipeline', /^( +)url: .*$/m, '$&\n$1title: Known to the pipeline');
      const { cwd } = machineOf('pipeline');
      writeFileSync(join(cwd, 'workload-token'), await workloads.tokenOf('someone-else', system().issuer));
      endsWith(await pipeline('plan', 'platform'), 5);

      writeFileSync(join(cwd, 'workload-token'), await workloads.tokenOf(PIPELINE, system().issuer));
      const planned = endsWith(await pipeline('plan', 'platform', '--out', 'saved.plan'), 0);
      expect(planned.stdout).toContain('Known to the pipeline');
      endsWith(await pipeline('apply', 'saved.plan', '--note', 'merged'), 0);
      const stored = await ownersApi().readDocument({ params: { kind: 'McpServer', name: 'whoami' } });
      expect(stored).toMatchObject({
        spec: { title: 'Known to the pipeline' },
        metadata: { set: 'platform', changedBy: { type: 'agent', id: PIPELINE } },
      });
    });

    test('what is changed by hand is told as drift, shown by plan and diff, and taken back (S27)', async () => {
      pull('owner', 'pipeline'); // what was merged
      const params = { kind: 'McpServer', name: 'whoami' };
      const { spec, metadata } = await ownersApi().readDocument({ params });
      await ownersApi().writeDocument(
        { params, query: { takeOver: 'true', wait: 'live' }, body: { spec: { ...spec, title: 'By hand' } } },
        { ifMatch: `"${metadata.revision}"` },
      );

      const told = endsWith(await owner('events', '--type', 'configuration.drifted', '--json'), 0);
      expect(recordsOf(told.stdout).at(-1)?.value['detail']).toMatchObject({
        set: 'platform',
        documents: 'McpServer/whoami',
      });
      const differs = endsWith(await owner('diff', 'platform', '--exit-code'), 2);
      expect(differs.stdout).toMatch(/^- +title: By hand\n\+ +title: Known to the pipeline$/m);
      endsWith(await owner('apply', 'platform'), 4);
      const planned = endsWith(await owner('plan', 'platform', '--take-over', '--exit-code'), 2);
      expect(planned.stdout).toContain('By hand');
      endsWith(await owner('apply', 'platform', '--take-over'), 0);
      endsWith(await owner('diff', 'platform', '--exit-code'), 0);
      endsWith(await owner('plan', 'platform', '--exit-code'), 0);
    });
  });
}

interface Thief {
  readonly url: string;
  requests(): number;
  stop(): Promise<void>;
}

/** Where a credential would go if somebody could send it there. */
async function startThief(): Promise<Thief> {
  let requests = 0;
  const server: Server = createServer((_request, response) => {
    requests++;
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    requests: () => requests,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
