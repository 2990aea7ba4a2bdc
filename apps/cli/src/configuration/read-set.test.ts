import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld, runIn } from '../test/fake-world.js';
import { gatherSecrets } from './gather-secrets.js';
import { readSet } from './read-set.js';

const root = mkdtempSync(join(tmpdir(), 'sallyport-set-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, file)), { recursive: true });
    writeFileSync(join(root, name, file), text);
  }
  return name;
}
const world = fakeWorld({ directory: root, variables: { IDP_SECRET: 's3cret' } });

const idp = `# who signs in
kind: TrustProvider
name: corp
spec:
  issuer: https://idp.example
  clientId: sallyport
  clientSecret: { env: IDP_SECRET }
`;
const role = (provider: string) =>
  `kind: Role\nname: reader\nspec:\n  scopes: [notes.read]\n  members: [{ trustProvider: ${provider} }]\n`;
const hook = `---
kind: Webhook
name: siem
spec:
  url: https://siem.example/in
  signingSecret: { file: hook.key }
  events: [connection.needs_reconnect]
`;

test('a folder is read whole, in the order of names; what begins with a dot is none of it', async () => {
  const path = folder('whole', {
    'sallyport.set.yaml': 'set: platform\n',
    'b/roles.yml': role('corp'),
    'a.yaml': idp,
    '.hidden.yaml': 'kind: Nonsense',
    'README.md': 'no YAML',
  });
  const set = await readSet(world, path, {});
  expect(set.set).toBe('platform');
  expect(set.documents.map(({ kind, name }) => `${kind}/${name}`)).toEqual(['TrustProvider/corp', 'Role/reader']);
  expect(set.documents.map(set.originOf)).toEqual(['whole/a.yaml:2', 'whole/b/roles.yml:1']);
  expect(set.locateField({ kind: 'Role', name: 'reader' }, 'spec.members.0.trustProvider')).toBe(
    'whole/b/roles.yml:5:15',
  );
  expect(set.problems()).toEqual([]);
  expect((await readSet(world, path, { set: 'mine' })).set).toBe('mine');
});

test('validate says every mistake with file, line, column and field, and ends with 3', async () => {
  folder('wrong', {
    'a.yaml': 'kind: Role\nname: Bad Name\nspec:\n  scops: []\n',
    'b.yaml': 'kind: [unclosed\n',
    'c.yaml': `${role('nobody')}---\n${role('nobody')}`,
  });
  expect(await runIn(fakeWorld({ directory: root }), 'validate', 'wrong')).toEqual({
    exitCode: 3,
    stdout: '',
    stderr: `error: The configuration is not valid:
  wrong/a.yaml:2:1 Role "Bad Name": name must be lower-case letters, digits and single hyphens
  wrong/a.yaml:3:1 Role "Bad Name": spec.scopes is required: add it (array)
  wrong/a.yaml:4:3 Role "Bad Name": spec.scops is not a field here: correct its spelling or remove it
  wrong/b.yaml:2:1 is not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]
`,
  });
});

test('references are looked at across files; in a part of a configuration a missing one is a warning', async () => {
  folder('part', { 'roles.yaml': role('elsewhere') });
  const whole = await runIn(fakeWorld({ directory: root }), 'validate', 'part');
  expect(whole).toMatchObject({ exitCode: 3, stdout: '' });
  expect(whole.stderr).toContain('part/roles.yaml:5:15 Role "reader": spec.members.0.trustProvider');
  const part = await runIn(fakeWorld({ directory: root }), 'validate', '--partial', 'part');
  expect(part).toMatchObject({ exitCode: 0, stdout: 'Valid: 1 document in 1 file.\n' });
  expect(part.stderr).toContain('warning: part/roles.yaml:5:15');
  const piped = await runIn(fakeWorld({ stdin: idp }), 'validate', '-', '--json');
  expect(piped).toMatchObject({ exitCode: 0, stderr: '' });
});

test('secrets are read from where the file that names them says, and those that are not here are left out', async () => {
  folder('secrets', { 'idp.yaml': idp, 'hooks/hooks.yaml': hook, 'hooks/hook.key': 'key-of-the-hook\n' });
  const set = await readSet(world, 'secrets', {});
  expect(await gatherSecrets(world, set.secrets)).toEqual({
    values: {
      'TrustProvider/corp/clientSecret': 's3cret',
      'Webhook/siem/signingSecret': 'key-of-the-hook',
    },
    missing: [],
  });
  const bare = fakeWorld({ directory: root });
  expect((await gatherSecrets(bare, set.secrets)).missing.map(({ name }) => name)).toEqual([
    'TrustProvider/corp/clientSecret',
  ]);
});

test.each([
  ['nothing', {}],
  ['empty', { 'a.yaml': '# nothing yet\n' }],
  ['unset', { 'a.yaml': idp, 'sallyport.set.yaml': 'set: Not A Name\n' }],
])('a folder with %s is not valid', async (name, files) => {
  mkdirSync(join(root, name), { recursive: true });
  await expect(readSet(world, folder(name, files), {})).rejects.toMatchObject({ exitCode: 3 });
});

test('an explosion of aliases is refused', async () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]']
    .concat(
      'bcdefgh'
        .split('')
        .map((letter, at) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefg'[at]}`).join(', ')}]`),
    )
    .join('\n');
  folder('bomb', { 'a.yaml': bomb });
  await expect(readSet(world, 'bomb', {})).rejects.toMatchObject({ exitCode: 3 });
});
