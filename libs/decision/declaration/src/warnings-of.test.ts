import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDeclaration } from './declaration.js';
import { SOUND } from './testing/sound-configuration.js';
import { warningsOf } from './warnings-of.js';

const root = process.cwd();
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documentsOf = (text: string) => parseDeclaration(text, 'sallyport.yaml').documents;

const RULE = '{ match: [get_*], scope: notes.read, roles: [writer] }';
const warned = (text: string) =>
  warningsOf(documentsOf(text)).map(({ document: { kind, name }, field, message }) => [
    `${kind} ${name}`,
    field,
    message,
  ]);

describe('documents that nobody could ever use', () => {
  it('are none of those that Sallyport brings along, and none of the README (B32)', () => {
    expect(warned(SOUND)).toEqual([]);
    for (const path of ['sallyport.yaml', 'deploy/sallyport.example.yaml'])
      expect([path, warned(read(path))]).toEqual([path, []]);
    for (const example of readmeExamples()) expect(warned(`${read('sallyport.yaml')}\n---\n${example}`)).toEqual([]);
  });

  it.each([
    [
      'a scope that no role gives',
      RULE,
      '{ match: [get_*], scope: notes.raed }',
      'spec.tools.0.scope',
      /\(get_\*\) can be used by nobody: no role gives the scope `notes\.raed`\. Add it to the `scopes` of a Role\.$/,
    ],
    [
      'a scope of roles without members',
      RULE,
      '{ match: [get_*], scope: notes.audit }',
      'spec.tools.0.scope',
      /the roles that give the scope `notes\.audit` have no `members`/,
    ],
    [
      'a role without members',
      RULE,
      '{ match: [get_*], scope: notes.read, roles: [auditor] }',
      'spec.tools.0.roles',
      /names no role that anybody has: auditor has no `members`/,
    ],
    [
      'the same, of resources',
      'tools:',
      'resources:\n    - { match: ["note://**"], scope: notes.raed }\n  tools:',
      'spec.resources.0.scope',
      /no role gives the scope `notes\.raed`/,
    ],
    [
      'the same, of prompts',
      'tools:',
      'prompts:\n    - { match: [ask], scope: notes.raed }\n  tools:',
      'spec.prompts.0.scope',
      /no role gives the scope `notes\.raed`/,
    ],
    [
      'a policy for roles without members',
      'users: { roles: [writer] }',
      'users: { roles: [auditor] }',
      'spec.users.roles',
      /^It names no role that anybody has: auditor/,
    ],
    [
      'a policy without rules',
      /\n {2}tools:\n.*/,
      '',
      'spec',
      /^It has no rules: nothing of the server "notes" can be used by it\./,
    ],
  ])('%s is said, with what to write (B32)', (_what, from, to, field, message) => {
    expect(SOUND.replace(from, to)).not.toBe(SOUND);
    expect(warned(SOUND.replace(from, to))).toEqual([
      ['AccessPolicy notes-policy', field, expect.stringMatching(message)],
    ]);
  });

  it('a role of a machine is one that somebody has (R5)', () => {
    const machine =
      '\n---\nkind: Agent\nname: nightly\nspec: { displayName: Nightly, machine: { roles: [auditor] }, ' +
      'authentication: { method: client_secret, clientSecret: { env: NIGHTLY } } }\n';
    const wanted = SOUND.replace(RULE, '{ match: [get_*], scope: notes.audit, roles: [auditor] }');
    expect([warned(wanted).length, warned(`${wanted}${machine}`)]).toEqual([2, []]);
  });

  it('a server that no policy names, and a file that lets nobody in, are said (B32)', () => {
    const third = '\n---\nkind: McpServer\nname: third\nspec: { url: https://third.example/mcp }\n';
    expect(warned(`${SOUND}${third}`)).toEqual([
      [
        'McpServer third',
        'name',
        'No AccessPolicy names the server "third": nobody reaches it. Add one with `hop: gateway-to-server` ' +
          'and `server: third`.',
      ],
    ]);
    expect(
      warned(
        SOUND.replace(
          'kind: AccessPolicy\nname: everybody\nspec: { hop: client-to-gateway, trustProviders: [demo] }\n---\n',
          '',
        ),
      ),
    ).toEqual([['McpServer notes', 'kind', expect.stringContaining('nobody gets in')]]);
  });
});

/** YAML blocks of the README, which are whole documents. */
function readmeExamples(): string[] {
  const blocks = [...read('README.md').matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml = '']) => yaml);
  expect(blocks.length).toBeGreaterThan(0);
  return blocks;
}
