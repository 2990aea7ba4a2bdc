import { Document, type DocumentKind } from '@sallyport/configuration';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { problemsOf } from '../problems-of.js';
import { applyPlan } from '../testing/apply-plan.js';
import { arbitraryConfiguration, arbitraryDocument, arbitraryDocuments } from '../testing/arbitrary-documents.js';
import { differencesOf } from './difference.js';
import { textOfPath } from './field-path.js';
import { KINDS } from './kind-order.js';
import { linesOfPlan } from './lines-of-plan.js';
import { planChanges, type DesiredChanges } from './plan-changes.js';

const base = { epoch: 'epoch-1', revision: 7 };
const ownedBy = (set: string | null, documents: readonly Document[]) =>
  documents.map((document) => ({ ...document, metadata: { set, origin: null } }));
const planOf = (
  stored: Parameters<typeof planChanges>[0]['stored'],
  desired: Partial<DesiredChanges> & Pick<DesiredChanges, 'documents'>,
) => planChanges({ stored, desired: { set: 'platform', ...desired }, base });
const sorted = (documents: readonly Document[]) =>
  documents
    .map(({ kind, name, spec }) => ({ kind, name, spec }))
    .toSorted((a, b) => (`${a.kind}/${a.name}` < `${b.kind}/${b.name}` ? -1 : 1));

const server = (name: string, spec: object = {}) =>
  Document.parse({ kind: 'McpServer', name, spec: { url: `https://${name}.example/mcp`, ...spec } });
const provider = (secret: object) =>
  Document.parse({
    kind: 'TrustProvider',
    name: 'corp',
    spec: { issuer: 'https://idp.example', clientId: 'sallyport', clientSecret: secret },
  });

describe('a plan, over generated documents', () => {
  test.each(KINDS)('of what is stored already is empty: %s (R69)', (kind) => {
    fc.assert(
      fc.property(arbitraryDocument(kind as DocumentKind), (document) => {
        const { plan, conflicts } = planOf(ownedBy('platform', [document]), { documents: [document], prune: true });
        expect([plan.changes, plan.unchanged, plan.left, conflicts]).toEqual([[], 1, [], []]);
      }),
      { numRuns: 20 },
    );
  });

  test.each(KINDS)('says everything that changes a document into another: %s (R69)', (kind) => {
    const pair = fc.tuple(arbitraryDocument(kind as DocumentKind), arbitraryDocument(kind as DocumentKind));
    fc.assert(
      fc.property(pair, ([old, other]) => {
        const next = { ...other, name: old.name } as Document;
        const { plan } = planOf(ownedBy('platform', [old]), { documents: [next] });
        expect(applyPlan([old], plan)).toEqual([next]);
        expect(plan.changes.length + plan.unchanged).toBe(1);
      }),
      { numRuns: 30 },
    );
  });

  test('carried out, leads from any documents to any others (R69)', () => {
    fc.assert(
      fc.property(arbitraryDocuments(), arbitraryDocuments(), (stored, desired) => {
        const { plan, resulting, conflicts } = planOf(ownedBy('platform', stored), { documents: desired, prune: true });
        expect(conflicts).toEqual([]);
        expect(sorted(applyPlan(stored, plan))).toEqual(sorted(desired));
        expect(sorted(resulting)).toEqual(sorted(desired));
      }),
      { numRuns: 20 },
    );
  });

  test('generated configurations are ones that could be written', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(arbitraryConfiguration(), (documents) => {
        for (const { kind } of documents) seen.add(kind);
        expect(problemsOf(documents)).toEqual([]);
      }),
      { numRuns: 60, seed: 1 },
    );
    expect([...seen].toSorted()).toEqual([...KINDS].toSorted());
  });
});

test('differences of any two values of JSON lead from one to the other', () => {
  const item = fc.jsonValue({ maxDepth: 2 });
  const list = fc.array(fc.oneof(fc.constantFrom(1, 2, 3, 'a'), fc.record({ a: fc.constantFrom(1, 2), b: item })));
  fc.assert(
    fc.property(list, list, (from, to) => {
      const spec = (value: unknown) => {
        const document: object = { kind: 'Role', name: 'a', spec: { list: value } };
        return document as Document;
      };
      const fields = differencesOf({ list: from }, { list: to }).map(({ path, ...values }) => ({
        path: textOfPath(['spec', ...path]),
        ...values,
      }));
      const changes = [{ action: 'update' as const, kind: 'Role', name: 'a', fields }];
      const plan = { base, set: null, changes, unchanged: 0, left: [], warnings: [] };
      expect(applyPlan([spec(from)], plan)).toEqual([spec(to)]);
    }),
    { numRuns: 300, examples: [[[{ a: 1, b: { toString: {} } }], [{ a: 1, b: {} }]]] },
  );
});

describe('a plan', () => {
  it('takes a default that is written out for no change (R69)', () => {
    const stored = ownedBy('platform', [server('notes')]);
    const written = { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp', timeout: '60s' } };
    const bare = { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } };
    for (const document of [written, bare])
      expect(planOf(stored, { documents: [document as Document] }).plan).toMatchObject({ changes: [], unchanged: 1 });
    const asStoredBefore = ownedBy('platform', [bare as Document]);
    expect(planOf(asStoredBefore, { documents: [server('notes')] }).plan.changes).toEqual([]);
  });

  it('names the field, and the entry of a list, that changes (R69)', () => {
    const policy = (tools: readonly object[]) =>
      Document.parse({
        kind: 'AccessPolicy',
        name: 'p',
        spec: { hop: 'gateway-to-server', server: 'notes', credentialProvider: 'none', tools },
      });
    const [a, b, c] = [{ match: ['a'] }, { match: ['b'] }, { match: ['c'], scope: 's' }];
    const fieldsOf = (from: readonly object[], to: readonly object[]) =>
      planOf(ownedBy('platform', [policy(from)]), { documents: [policy(to)] }).plan.changes[0]?.fields;
    expect(fieldsOf([a, b], [a, c, b])).toEqual([{ path: 'spec.tools.1', after: c }]);
    expect(fieldsOf([a, b, c], [b, c])).toEqual([{ path: 'spec.tools.0', before: a }]);
    expect(fieldsOf([a, b], [a, { match: ['b'], scope: 's' }])).toEqual([{ path: 'spec.tools.1.scope', after: 's' }]);
    expect(fieldsOf([a, c], [a, { ...c, scope: 't' }])).toEqual([
      { path: 'spec.tools.1.scope', before: 's', after: 't' },
    ]);
    expect(fieldsOf([a, b], [a, b])).toBeUndefined();
  });

  it('finds the one entry that came to ten thousand, at once', () => {
    const tool = (name: string) => ({ name, sha256: 'a'.repeat(64) });
    const tools = Array.from({ length: 9_999 }, (_, index) => tool(`t${index}`));
    const approved = (entries: readonly object[]) =>
      Document.parse({ kind: 'ApprovedTools', name: 'notes', spec: { tools: entries } });
    const moved = [tool('first'), ...tools.slice(0, 5_000), ...tools.slice(5_001)];
    const { plan } = planOf(ownedBy('platform', [approved(tools)]), { documents: [approved(moved)] });
    expect(plan.changes[0]?.fields).toEqual([
      { path: 'spec.tools.5000', before: tool('t5000') },
      { path: 'spec.tools.0', after: tool('first') },
    ]);
  });

  it('never shows a secret: a reference, or that it changes (S27)', () => {
    const stored = ownedBy('platform', [provider({ env: 'OLD' })]);
    const fieldsOf = (secret: object, changed: readonly string[] = []) =>
      planOf(stored, { documents: [provider(secret)], changedSecrets: new Set(changed) }).plan.changes[0]?.fields;
    expect(fieldsOf({ env: 'NEW' })).toEqual([
      { path: 'spec.clientSecret', before: { env: 'OLD' }, after: { env: 'NEW' }, secret: true },
    ]);
    expect(fieldsOf({ file: 's.txt' })).toEqual([
      { path: 'spec.clientSecret', before: { env: 'OLD' }, after: { file: 's.txt' }, secret: true },
    ]);
    expect(fieldsOf({ env: 'OLD' })).toBeUndefined();
    expect(fieldsOf({ env: 'OLD' }, ['TrustProvider/corp/clientSecret'])).toEqual([
      { path: 'spec.clientSecret', secret: true },
    ]);
  });

  it('deletes inside its set, with prune only, and says what it leaves (R69)', () => {
    const stored = [
      ...ownedBy('platform', [server('notes'), server('old')]),
      ...ownedBy('other', [server('theirs')]),
      ...ownedBy(null, [server('hand')]),
    ];
    const documents = [server('notes')];
    expect(planOf(stored, { documents }).plan).toMatchObject({
      changes: [],
      left: [{ kind: 'McpServer', name: 'old' }],
    });
    const pruned = planOf(stored, { documents, prune: true });
    expect(pruned.plan).toMatchObject({ changes: [{ action: 'delete', name: 'old' }], left: [], unchanged: 1 });
    expect(pruned.resulting.map(({ name }) => name)).toEqual(['notes', 'theirs', 'hand']);
  });

  it('leaves what somebody else owns, unless it is to take it over (R69)', () => {
    const stored = [...ownedBy('other', [server('theirs')]), ...ownedBy(null, [server('hand'), server('gone')])];
    const documents = [server('theirs', { timeout: '5s' }), { ...server('hand'), origin: 'servers.yaml:4' }];
    const deletes = [{ kind: 'McpServer', name: 'gone' }];
    const refused = planOf(stored, { documents, deletes });
    expect([refused.plan.changes, refused.conflicts]).toEqual([
      [],
      [
        { kind: 'McpServer', name: 'gone', owner: null },
        { kind: 'McpServer', name: 'hand', owner: null, origin: 'servers.yaml:4' },
        { kind: 'McpServer', name: 'theirs', owner: 'other' },
      ],
    ]);
    expect(sorted(refused.resulting)).toEqual(sorted(stored));
    const taken = planOf(stored, { documents, deletes, takeOver: true });
    expect([taken.conflicts, taken.plan.changes]).toEqual([
      [],
      [
        { action: 'delete', kind: 'McpServer', name: 'gone', fields: [] },
        {
          action: 'take-over',
          kind: 'McpServer',
          name: 'hand',
          origin: 'servers.yaml:4',
          fields: [{ path: 'metadata.set', before: null, after: 'platform' }],
        },
        {
          action: 'take-over',
          kind: 'McpServer',
          name: 'theirs',
          fields: [
            { path: 'metadata.set', before: 'other', after: 'platform' },
            { path: 'spec.timeout', before: '60s', after: '5s' },
          ],
        },
      ],
    ]);
  });

  it('warns of what it brings, not of what was so before (B32)', () => {
    const stored = ownedBy('platform', [server('notes')]);
    const said = (documents: readonly Document[]) =>
      planOf(stored, { documents }).plan.warnings.map(({ document, field }) => `${document.name} ${field}`);
    expect(said([server('notes', { timeout: '5s' })])).toEqual([]);
    expect(said([server('notes'), server('new')])).toEqual(['new name']);
  });
});

test('the lines of a plan say sign, place, document and field, and the summary last (R69)', () => {
  const stored = ownedBy('platform', [server('a'), server('b'), provider({ env: 'OLD' })]);
  const documents = [
    { ...server('a', { timeout: '5s', title: 'A\u202Eb' }), origin: 'servers.yaml:1' },
    { ...server('c'), origin: 'servers.yaml:9' },
    provider({ env: 'OLD' }),
  ];
  const changedSecrets = new Set(['TrustProvider/corp/clientSecret']);
  const { plan } = planOf(stored, { documents, prune: true, changedSecrets });
  const locate = ({ name }: { name: string }, path: string) =>
    name === 'a' && path === 'spec.timeout' ? 'servers.yaml:5:3' : undefined;
  expect(linesOfPlan({ ...plan, warnings: [] }, locate).map(({ text }) => text)).toEqual([
    '~ TrustProvider corp  spec.clientSecret: (secret, changed)',
    '~ servers.yaml:5:3  McpServer a  spec.timeout: "60s" → "5s"',
    '~ servers.yaml:1  McpServer a  spec.title: "A\\u{202e}b" (added)',
    '- McpServer b',
    '+ servers.yaml:9  McpServer c',
    'Plan (set platform): 1 to create, 2 to update, 1 to delete, 0 unchanged.',
  ]);
});
