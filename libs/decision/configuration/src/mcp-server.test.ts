import { expect, test } from 'vitest';
import { ApprovedToolsSpec } from './mcp-server.js';

test('the name of an approved tool is text that PostgreSQL can keep', () => {
  const named = (name: string) => ApprovedToolsSpec.safeParse({ tools: [{ name, sha256: 'a'.repeat(64) }] }).success;
  expect(['list_notes', '\u{1f600}', '\ud800', 'a\u0000b'].map(named)).toEqual([true, true, false, false]);
});
