import type { Document, DocumentOf } from '@sallyport/configuration';
import { expect, test } from 'vitest';
import { normalised } from './normalised.js';

test('a document is completed by its schema once, and is its own kind and name also where it shares a spec', () => {
  const spec = { url: 'https://notes.example/mcp' } as DocumentOf<'McpServer'>['spec'];
  const notes = normalised({ kind: 'McpServer', name: 'notes', spec });
  expect(notes).toMatchObject({ name: 'notes', spec: { timeout: '60s' } });
  expect(normalised({ kind: 'McpServer', name: 'notes', spec })).toBe(notes);
  expect(normalised(notes)).toBe(notes);
  expect(normalised({ kind: 'McpServer', name: 'other', spec })).toMatchObject({ name: 'other' });
});

test('a document that is no longer valid stays as it is', () => {
  const spec: object = { address: 'x' };
  const old = { kind: 'McpServer', name: 'notes', spec } as Document;
  expect(normalised(old)).toEqual(old);
  expect(normalised(old)).toEqual(old);
});
