import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Explained {
  readonly means: string;
  readonly fix: string;
}
interface Source {
  readonly CAUSES_BY_CHAPTER: readonly (readonly [string, Readonly<Record<string, Explained>>])[];
}

const { CAUSES_BY_CHAPTER: chapters } = (await import(
  join(process.cwd(), 'apps', 'control-plane', 'src', 'verify', 'causes.ts')
)) as Source;

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const table = (causes: Readonly<Record<string, Explained>>) =>
  [
    '| cause | means | fix |',
    '|---|---|---|',
    ...Object.entries(causes).map(([cause, { means, fix }]) => `| \`${cause}\` | ${cell(means)} | ${cell(fix)} |`),
  ].join('\n');

const text = `# Verify

\`sallyport verify\` (\`GET /v1/verify\`) looks at the whole deployment step by step, as the control plane sees it, and says for each step
that does not pass what its cause is, whose move it is, and what that move is. It takes less than 30 seconds whatever does not answer, and
changes nothing, here or anywhere else. The causes and fixes below come from the code (\`npm test -- unit tools/documents -u\` makes this page).

| step | looks at |
|---|---|
| \`database\`, \`bus\`, \`queue\`, \`events\`, \`configuration\`, \`secret\` | what the processes stand on, and whether each stored secret can be opened |
| \`replicas\`, \`replica\`, \`clock\` | each process, by its own report: revision, readiness, faults, version, clock |
| \`metadata\`, \`signing-keys\`, \`sign-in-page\`, \`public-url\` | our public addresses: DNS, TLS, and what is said there |
| \`test-call\` | a call without a token to the gateway: whether an agent is told where to sign in |
| \`trust-provider\` | each identity provider: metadata, keys, clock, and whether it takes our client. To find that out it is asked to redeem a code that nobody issued |
| \`credential-provider\` | how each has been answering. It is asked nothing anew |
| \`server\` | each server, asked without a credential what it is: whether it answers, its era, where its users sign in |
| \`call-path\` | whether policies lead from a sign-in to each server |

What only a gateway can see (the way from it to the authorization server's keys, its disk) comes from its reports. The way from a gateway to a
server may be another than the control plane's: where they stand in different networks, a server that passes here may fail there, and the
trail says so (\`mcp.call\` with reason \`server-unavailable\`).

\`sallyport verify --hardening\` (\`GET /v1/verify?hardening=true\`) looks at how the deployment is set up instead: nothing on that list fails
today, and each entry lets somebody get further than they should.

A status is \`passed\`, \`failed\`, \`warned\` (it works, and somebody should look) or \`skipped\` (another step says why). A client of the API
goes by \`cause\`, which is stable; words may change.

${chapters.map(([title, causes]) => `## ${title}\n\n${table(causes)}`).join('\n\n')}
`;

test('docs/verify.md has every cause with its fix (R72)', async () => {
  await expect(text).toMatchFileSnapshot(join(process.cwd(), 'docs', 'verify.md'));
});

test('each cause is on the page once, with a fix that says something (R72)', () => {
  const all = chapters.flatMap(([, causes]) => Object.entries(causes));
  expect(new Set(all.map(([cause]) => cause)).size).toBe(all.length);
  for (const [cause, { means, fix }] of all) {
    expect(means.length, cause).toBeGreaterThan(10);
    expect(fix.length, cause).toBeGreaterThan(10);
  }
});

test('what it says to set can be set (R72)', () => {
  const settings = readFileSync(join(process.cwd(), 'docs', 'configuration.md'), 'utf8');
  const named = [...new Set(text.match(/SALLYPORT_[A-Z_]+/g))];
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => name !== 'SALLYPORT_EVENTS' && !settings.includes(`\`${name}\``))).toEqual([]);
});
