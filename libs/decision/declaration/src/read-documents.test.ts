import { expect, it } from 'vitest';
import { readDocuments } from './read-documents.js';

const TEXT = `# a comment
kind: Role
name: reader
spec:
  scopes:
    - notes.read
    - "notes.write"
---
---
  kind: McpServer
  name: Notes
  spec: { url: no, titel: x }
---
kind: Role
name: writer
spec: { scopes: [a], members: [{ trustProvider: demo }] }
`;

it('a document and each of its fields are found where they are written, else where they would belong', () => {
  const { documents } = readDocuments(TEXT);
  const [reader, writer] = documents;
  expect(documents.map(({ document }) => document.name)).toEqual(['reader', 'writer']);
  expect(reader?.at([])).toEqual({ line: 2, column: 1 });
  expect(reader?.at(['name'])).toEqual({ line: 3, column: 1 });
  expect(reader?.at(['spec', 'scopes', 1])).toEqual({ line: 7, column: 7 });
  expect(reader?.at(['spec', 'members', 0, 'groups'])).toEqual({ line: 4, column: 1 });
  expect(writer?.at(['spec', 'members', 0, 'trustProvider'])).toEqual({ line: 16, column: 34 });
});

it('a broken document does not hide the others, and each mistake says where it is', () => {
  expect(readDocuments(TEXT).mistakes).toEqual([
    { at: { line: 11, column: 3 }, message: expect.stringContaining('McpServer "Notes": name must be') },
    { at: { line: 12, column: 11 }, message: expect.stringContaining('McpServer "Notes": spec.url must be') },
    { at: { line: 12, column: 20 }, message: expect.stringContaining('McpServer "Notes": spec.titel is not a field') },
  ]);
});
