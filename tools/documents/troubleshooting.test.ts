import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** What somebody reads, why, and what mends it. Each app keeps its own, by its closed lists: one without an entry is a type error. */
interface Trouble {
  readonly words: string;
  readonly because: string;
  readonly fix: string;
}
interface Sources {
  gatewayTroubles(): { readonly agent: readonly Trouble[]; readonly trail: readonly Trouble[] };
  connectTroubles(): {
    readonly agent: readonly Trouble[];
    readonly pages: readonly Trouble[];
    readonly failures: readonly Trouble[];
  };
  signInTroubles(): readonly Trouble[];
}

const load = async (app: string) =>
  (await import(join(process.cwd(), 'apps', app, 'src', 'troubleshooting.ts'))) as Sources;
const { agent, trail } = (await load('gateway')).gatewayTroubles();
const connecting = (await load('control-plane')).connectTroubles();
const signIn = (await load('authorization-server')).signInTroubles();

/** Markup in nobody's words: `<server>` is one only within backticks. */
const plain = (text: string) =>
  text
    .split('`')
    .map((part, index) => (index % 2 === 0 ? part.replaceAll('<', '&lt;') : part))
    .join('`');
const cell = (text: string) => plain(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
/** Several causes of the same words are one row after the other. */
const table = (troubles: readonly Trouble[], head: readonly [string, string, string]) =>
  [
    `| ${head.join(' | ')} |`,
    '|---|---|---|',
    ...troubles.map(({ words, because, fix }) => `| ${cell(words)} | ${cell(because)} | ${cell(fix)} |`),
  ].join('\n');
const HEAD = ['the words', 'because', 'what to do'] as const;

const text = `# Troubleshooting

Look up the words that somebody read: the tables give their cause, and what to do. The words come from the code
(\`npm test -- unit tools/documents -u\` makes this page); names, numbers and addresses in them are examples. To have the
whole deployment looked at step by step, with the fix for whatever fails, run \`sallyport verify\`: [verify](verify.md). For more, see
[connect an agent](connect-an-agent.md), [credential providers](credential-providers.md) and [identity providers](identity-providers.md).

The control plane checks the configuration when it starts. A document that is not valid stops the start, with file, line, column and field. A
setting without effect, or an address that may not be called, is a warning in its log, which says what to write.

## On pages, while an agent is connected

${table(signIn, HEAD)}

## On pages, while an account is connected

${table(connecting.pages, HEAD)}

When an account cannot be connected, the page says what happened and names a reason. The log and the trail have that reason, with the
values that disagree:

${table(connecting.failures, ['on the page', 'reason', 'what to do'])}

## In an agent: about an account

${table(connecting.agent, HEAD)}

## In an agent: about a call

${table(agent, HEAD)}

## In the trail: why policy said no

${table(trail, ['reason', 'because', 'what to do'])}
`;

test('docs/troubleshooting.md has every refusal, in the words that are read (B32)', async () => {
  await expect(text).toMatchFileSnapshot(join(process.cwd(), 'docs/troubleshooting.md'));
});

test('what it says to set can be set (B32)', () => {
  const settings = readFileSync(join(process.cwd(), 'docs/configuration.md'), 'utf8');
  const named = [...new Set(text.match(/SALLYPORT_[A-Z_]+/g))];
  expect(named.length).toBeGreaterThan(3);
  expect(named.filter((name) => !settings.includes(`\`${name}\``))).toEqual([]);
});

test('each entry has words, a cause and a remedy, and no two of the same words the same cause (B32)', () => {
  const all = [...signIn, ...connecting.pages, ...connecting.failures, ...connecting.agent, ...agent, ...trail];
  expect(
    all.filter(({ words, because, fix }) => words.trim() === '' || because.trim() === '' || fix.trim() === ''),
  ).toEqual([]);
  const keys = all.map(({ words, because }) => `${words}: ${because}`);
  expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
});
