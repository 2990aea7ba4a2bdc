import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { POPULAR_REDIRECT_URIS, registrableRedirectUris } from '@sallyport/authorization';
import { expect, test } from 'vitest';
import type { ImitatedAgent } from './imitated-agent.js';
import { IMITATED_AGENTS } from './imitated-agents.js';

const membersOf = ({ introduction }: ImitatedAgent) =>
  introduction.by === 'document' ? introduction.document : introduction.body;
const redirectUrisOf = (agent: ImitatedAgent) =>
  (membersOf(agent)['redirect_uris'] as string[]).map((uri) => uri.replace('{port}', '4711'));

function row(agent: ImitatedAgent): string {
  const { name, introduction, outcome, assumed, asOf, source, refresh, resource } = agent;
  const particulars = [
    introduction.by === 'document'
      ? 'by its metadata document'
      : 'anew' in introduction
        ? 'registers for each connection'
        : 'registers',
    agent.authenticates === 'none' ? undefined : `\`${agent.authenticates}\``,
    agent.resourceMetadata.length === 0 ? 'knows no RFC 9728' : undefined,
    resource.atAuthorize ? undefined : 'names no `resource`',
    'own' in agent.scope
      ? `asks for \`${agent.scope.own}\``
      : agent.scope.of === 'nobody'
        ? undefined
        : 'asks for all scopes of the metadata',
    refresh.withScope ? 'repeats its scopes in a refresh' : undefined,
    refresh.atOnce === undefined ? undefined : 'refreshes in several processes at once',
    agent.refusesNull ? 'refuses `null` in an answer' : undefined,
    agent.madeUpId === undefined
      ? undefined
      : `goes on as \`${agent.madeUpId}\` when it could not register: a page says so`,
    agent.moreScopes === undefined ? undefined : `asks for more scopes ${agent.moreScopes}`,
    assumed === undefined ? undefined : `assumed: ${assumed}`,
  ];
  const result = outcome === 'works' ? 'works' : 'a page: it adds to the redirect URI that it registered';
  return `| ${name} | ${particulars.filter((each) => each !== undefined).join(', ')} | ${agent.forgotten} | ${result} | ${asOf} | ${source} |`;
}

test('docs/compatibility.md lists the agents that are imitated, with day and source (R18, R66)', async () => {
  const header = ['| agent | how | once it is forgotten, it | outcome | as of | source |', '|---|---|---|---|---|---|'];
  const table = [...header, ...IMITATED_AGENTS.map(row)].join('\n');
  const file = join(process.cwd(), 'docs', 'compatibility.md');
  const document = readFileSync(file, 'utf8').replace(
    /(?<=<!-- agents -->\n)[\s\S]*?(?=\n<!-- end of agents -->)/,
    `\n${table}\n`,
  );
  await expect(document).toMatchFileSnapshot(file);
});

test('agents that work as shipped register nothing that the list of known agents lacks, but on this machine (R18)', () => {
  const lacking = IMITATED_AGENTS.filter(
    ({ outcome, introduction }) => outcome === 'works' && introduction.by === 'registration',
  ).flatMap((agent) => {
    const { accepted } = registrableRedirectUris(redirectUrisOf(agent), [
      ...POPULAR_REDIRECT_URIS,
      '127.0.0.1',
      'localhost',
    ]);
    return redirectUrisOf(agent).filter((uri) => !accepted.includes(uri));
  });
  expect(lacking).toEqual([]);
});

test('every row says when somebody looked, and where (R18)', () => {
  for (const { name, asOf, source } of IMITATED_AGENTS)
    expect([name, new Date(asOf).toISOString().slice(0, 10), source.length > 20]).toEqual([name, asOf, true]);
  expect(new Set(IMITATED_AGENTS.map(({ name }) => name)).size).toBe(IMITATED_AGENTS.length);
});
