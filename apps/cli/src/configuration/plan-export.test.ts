import { Document } from '@sallyport/configuration';
import { renderDocument } from '@sallyport/declaration';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld } from '../test/fake-world.js';
import { planExport, type Exported } from './plan-export.js';

const root = mkdtempSync(join(tmpdir(), 'sallyport-export-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const world = fakeWorld({ directory: root });

function folder(name: string, files: Readonly<Record<string, string>>): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name, file)), { recursive: true });
    writeFileSync(join(root, name, file), text);
  }
  return name;
}
const role = (name: string, scope = 'notes.read') => Document.parse({ kind: 'Role', name, spec: { scopes: [scope] } });
const owned = (owner: string | null, ...documents: readonly Document[]): Exported[] =>
  documents.map((document) => ({ document, owner }));
const written = (name: string, comment: string) =>
  `# ${comment}\nkind: Role\nname: ${name}\nspec: { scopes: [notes.read] }\n`;
const SET = { 'sallyport.set.yaml': 'set: team\n' };

test('each document stays in its file, a new one goes where its kind is, and a file without any goes (R69)', async () => {
  const path = folder('team', {
    ...SET,
    'a/same.yaml': written('same', 'as it was'),
    'b/changes.yaml': written('changes', 'kept'),
    'gone.yaml': written('gone', 'lost'),
    'notes.yaml': '# nothing yet\n',
    'README.md': 'not ours to touch',
  });
  const server = Document.parse({ kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } });
  const stored = [
    ...owned('team', role('same'), role('changes', 'notes.write'), role('new'), server),
    ...owned('other', role('theirs')),
  ];
  const { changes, documents } = await planExport(world, path, { stored, set: undefined, isNew: false });
  expect(documents).toBe(4);
  expect(changes).toEqual([
    { action: 'update', file: 'team/b/changes.yaml', text: written('changes', 'kept').replace('.read', '.write') },
    { action: 'update', file: 'team/gone.yaml', text: renderDocument(role('new')) },
    { action: 'create', file: 'team/mcp-server.yaml', text: renderDocument(server) },
  ]);
  const fewer = await planExport(world, path, { stored: owned('team', role('same')), set: 'team', isNew: false });
  expect(fewer.changes).toEqual([
    { action: 'delete', file: 'team/b/changes.yaml', text: '' },
    { action: 'delete', file: 'team/gone.yaml', text: '' },
  ]);
});

test('a folder whose files are not of the set is left alone (R69)', async () => {
  const stored = [...owned('team', role('mine')), ...owned('other', role('theirs')), ...owned(null, role('hand'))];
  const exported = (path: string, set?: string | null) => planExport(world, path, { stored, set, isNew: false });
  const unnamed = folder('unnamed', { 'roles.yaml': written('mine', 'whose') });
  await expect(exported(unnamed)).rejects.toMatchObject({ exitCode: 3 });
  await expect(exported(unnamed, 'team')).resolves.toMatchObject({ documents: 1, changes: [] });

  const named = folder('named', SET);
  for (const set of ['other', null]) await expect(exported(named, set)).rejects.toMatchObject({ exitCode: 3 });

  const foreign = folder('foreign', { ...SET, 'roles.yaml': `${written('mine', 'a')}---\n${written('theirs', 'b')}` });
  await expect(exported(foreign)).rejects.toMatchObject({
    exitCode: 4,
    advice: ['foreign/roles.yaml has Role "theirs", of the set other'],
  });
  const compose = folder('compose', { ...SET, 'compose.yaml': 'services: {}\n' });
  await expect(exported(compose)).rejects.toMatchObject({ exitCode: 3 });
  const nothing = planExport(world, named, { stored: owned('other', role('theirs')), set: 'team', isNew: false });
  await expect(nothing).rejects.toMatchObject({ exitCode: 3 });
});
