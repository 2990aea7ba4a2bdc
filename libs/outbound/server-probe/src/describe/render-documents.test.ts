import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderDocuments } from './render-documents.js';

const document = { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } } as const;

test('a comment ends no line but its own, whatever is in it', () => {
  for (const end of ['\n', '\r', '\r\n', '\u0085', '\u2028', '\u2029', '\0']) {
    const text = `a${end}kind: Role${end}---`;
    const yaml = renderDocuments([{ document, before: [text], at: { url: [text] }, after: [text] }]);
    expect(parseAllDocuments(yaml).map((one) => one.toJS() as unknown)).toEqual([document]);
    expect(yaml.split('\n').filter((line) => line.includes('Role'))).toEqual([
      '# a kind: Role ---',
      '  # a kind: Role ---',
      '  # a kind: Role ---',
    ]);
  }
});

test('comments are wrapped, keep their depth, and stand before the field they are about', () => {
  const long = `  ${'word '.repeat(60)}end`;
  const lines = renderDocuments([{ document, before: [long], at: { url: ['here'] } }]).split('\n');
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(lines.filter((line) => line.startsWith('#   ')).length).toBeGreaterThan(2);
  expect(lines.slice(-4)).toEqual(['spec:', '  # here', '  url: https://notes.example/mcp', '']);
});
