import { Document, documentKey } from '@sallyport/configuration';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isMap, isScalar, parseAllDocuments, visit } from 'yaml';
import { parseDeclaration } from '../declaration.js';
import { differencesOf } from '../plan/difference.js';
import { byKindAndName, KINDS } from '../plan/kind-order.js';
import { planChanges } from '../plan/plan-changes.js';
import { arbitraryConfiguration, arbitraryDocuments } from '../testing/index.js';
import { mergeIntoText } from './merge-into-text.js';
import { renderDocument, renderDocuments } from './render-documents.js';

const metadata = { set: 'platform', origin: null };

/** As any other reader of YAML would, so that a mistake of our own is not made twice. */
const documentsIn = (text: string): Document[] =>
  parseAllDocuments(text).flatMap((source) => {
    expect(source.errors).toEqual([]);
    const value = source.toJS() as unknown;
    return value === null ? [] : [Document.parse(value)];
  });

const sorted = (documents: readonly Document[]) => documents.toSorted(byKindAndName);

test('any configuration, rendered and read again, changes nothing (R69)', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(arbitraryConfiguration(), (documents) => {
      fc.pre(documents.length > 0);
      for (const { kind } of documents) seen.add(kind);
      const read = parseDeclaration(renderDocuments(documents), 'exported.yaml').documents;
      const { plan } = planChanges({
        stored: documents.map((document) => ({ ...document, metadata })),
        desired: { set: 'platform', documents: read, prune: true },
        base: { epoch: 'e', revision: 1 },
      });
      expect(plan).toMatchObject({ changes: [], unchanged: documents.length });
      expect(renderDocuments(documents.toReversed())).toBe(renderDocuments(documents));
    }),
    { numRuns: 60, seed: 1 },
  );
  expect([...seen].toSorted()).toEqual([...KINDS].toSorted());
});

/** Documents of the same names that say what others say, some of them left out. */
const changedFrom = (documents: readonly Document[], others: readonly Document[], keep: readonly boolean[]) => {
  const next = documents.flatMap((document, index) => {
    if (keep[index % keep.length]) return [document];
    const other = others.find(({ kind }) => kind === document.kind);
    if (other === undefined) return [];
    // The half of the fields, so that the other half stays.
    const fields = Object.entries(other.spec).filter((_, place) => place % 2 === 0);
    const mixed = { ...document, spec: { ...document.spec, ...Object.fromEntries(fields) } };
    return [Document.safeParse(mixed).data ?? { ...other, name: document.name }];
  });
  return [...new Map([...next, ...others].map((document) => [documentKey(document), document])).values()] as Document[];
};

/** Each field of each document with a comment above it that says which it is. */
function commented(documents: readonly Document[]): { text: string; comments: { of: Document; path: string[] }[] } {
  const comments: { of: Document; path: string[] }[] = [];
  const parts = documents.map((document) => {
    const [yaml] = parseAllDocuments(renderDocument(document));
    if (yaml === undefined || !('contents' in yaml)) throw new Error('nothing was rendered');
    visit(yaml, {
      Pair: (_, pair, ancestors) => {
        const path = [...ancestors, pair].flatMap((one) =>
          typeof one === 'object' && 'key' in one && isScalar(one.key) ? [String(one.key.value)] : [],
        );
        const inList = ancestors.some((one) => 'items' in one && !isMap(one));
        const map = ancestors.at(-1);
        if (inList || !isScalar(pair.key) || (isMap(map) && map.flow === true)) return;
        pair.key.commentBefore = ` #${comments.length}#`;
        comments.push({ of: document, path });
      },
    });
    return yaml.toString({ lineWidth: 110 });
  });
  return { text: parts.join('---\n'), comments };
}

test('merging says exactly what is wanted, and keeps every comment of what did not change (R69)', () => {
  fc.assert(
    fc.property(
      arbitraryDocuments(),
      arbitraryDocuments(),
      fc.array(fc.boolean(), { minLength: 1 }),
      (documents, others, keep) => {
        fc.pre(documents.length > 0);
        const wanted = changedFrom(documents, others, keep);
        const { text, comments } = commented(documents);
        const merged = mergeIntoText(text, wanted);
        expect(sorted(documentsIn(merged))).toEqual(sorted(wanted));
        expect(mergeIntoText(merged, wanted)).toBe(merged);
        const byKey = new Map(wanted.map((document) => [documentKey(document), document]));
        for (const [index, { of, path }] of comments.entries()) {
          const now = byKey.get(documentKey(of));
          const isTouched = differencesOf(of, now ?? {}).some(({ path: changed }) =>
            path.every((key, at) => at >= changed.length || String(changed[at]) === key),
          );
          if (!isTouched) expect(merged).toContain(`# #${index}#\n`);
        }
      },
    ),
    { numRuns: 60 },
  );
});

const WRITTEN = `# The servers of the platform.
# Ask platform@example.com.

kind:   McpServer   # the notes
name: notes
spec:
  # where it answers
  url: 'https://notes.example/mcp'

  timeout: 5s     # seconds are enough
  # people read this
  title: "Notes"
# between the two
---
kind: McpServer
name: files
spec: { url: https://files.example/mcp }
`;
const server = (name: string, spec: object = {}) =>
  Document.parse({ kind: 'McpServer', name, spec: { url: `https://${name}.example/mcp`, ...spec } });
const notes = (spec: object = {}) => server('notes', { timeout: '5s', title: 'Notes', ...spec });

describe('a file that is exported into', () => {
  it('stays byte for byte where its documents say what they are to say, defaults written or not', () => {
    expect(mergeIntoText(WRITTEN, [server('files'), notes()])).toBe(WRITTEN);
    const windows = `\uFEFF${WRITTEN.replaceAll('\n', '\r\n')}...\r\n`;
    expect(mergeIntoText(windows, [server('files'), notes()])).toBe(windows);
  });

  it('changes the field that changes, and no other', () => {
    const changed = mergeIntoText(WRITTEN, [notes({ title: 'My notes' }), server('files')]);
    expect(changed).toBe(WRITTEN.replace('"Notes"', '"My notes"'));
    const odd = mergeIntoText(WRITTEN, [notes(), server('files', { url: 'https://files.example/a,b/c' })]);
    expect(odd).toBe(WRITTEN.replace('https://files.example/mcp', '"https://files.example/a,b/c"'));
    const more = mergeIntoText(WRITTEN, [notes({ timeout: '7s' }), server('files', { title: 'Files' })]);
    expect(more).toBe(WRITTEN.replace('5s     #', '7s     #').replace('/mcp }', '/mcp, title: Files }'));
  });

  it('loses a field with its comment, and a document with its own', () => {
    const { title: _title, ...spec } = notes().spec as Record<string, unknown>;
    const without = Document.parse({ kind: 'McpServer', name: 'notes', spec });
    expect(mergeIntoText(WRITTEN, [without, server('files')])).toBe(
      WRITTEN.replace('  # people read this\n  title: "Notes"\n', ''),
    );
    expect(mergeIntoText(WRITTEN, [server('files')])).toBe(
      `# The servers of the platform.\n# Ask platform@example.com.\n${WRITTEN.slice(WRITTEN.indexOf('---'))}`,
    );
    expect(mergeIntoText(WRITTEN, [notes()])).toBe(WRITTEN.slice(0, WRITTEN.indexOf('---')));
  });

  it('gets what is new at its end', () => {
    const all = [server('new'), notes(), server('files')];
    expect(mergeIntoText(WRITTEN, all)).toBe(`${WRITTEN}---\n${renderDocument(server('new'))}`);
    expect(mergeIntoText('', [server('new')])).toBe(renderDocument(server('new')));
  });

  it('changes one of two fields that an anchor made the same', () => {
    const text = [
      'kind: Role\nname: a\nspec:\n  scopes: [x]\n  members:',
      '  - { trustProvider: demo, groups: &all [g, h] } # first',
      '  - { trustProvider: corp, groups: *all }\n',
    ].join('\n');
    const [role] = documentsIn(text);
    const spec = {
      scopes: ['x'],
      members: [
        { trustProvider: 'demo', groups: ['g'] },
        { trustProvider: 'corp', groups: ['g', 'h'] },
      ],
    };
    const next = Document.parse({ ...role, spec });
    const merged = mergeIntoText(text, [next]);
    expect(documentsIn(merged)).toEqual([next]);
    expect(merged).toContain('# first');
  });

  it('writes out a default of which a part changes', () => {
    const text = 'kind: ClientRegistration\nname: default\nspec:\n  dynamic: # who\n    mode: open # yes\n';
    const dynamic = { mode: 'open', redirectHosts: ['127.0.0.1', 'agent.example', 'localhost'] };
    const next = Document.parse({ kind: 'ClientRegistration', name: 'default', spec: { dynamic } });
    const merged = mergeIntoText(text, [next]);
    expect(documentsIn(merged)).toEqual([next]);
    expect(merged).toContain('mode: open # yes\n');
  });

  it('is refused where a part of it is no document', () => {
    for (const wrong of ['a: [', 'services: {}', `${WRITTEN}---\nkind: McpServer\n`, 'kind: *none'])
      expect(() => mergeIntoText(wrong, [notes()])).toThrow(expect.objectContaining({ code: 'declaration_invalid' }));
  });
});
