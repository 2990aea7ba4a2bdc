import { expect, test } from 'vitest';
import { legacyCapabilities } from './legacy-request.js';

test('an older server is told of what its revision has words for: views are an extension there, tasks are not (R54)', () => {
  const views = { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } };
  const tasks = { 'io.modelcontextprotocol/tasks': {} };
  expect(legacyCapabilities({ roots: {}, extensions: { ...views, ...tasks } })).toEqual({ roots: {}, extensions: views });
  expect(legacyCapabilities({ roots: {}, extensions: tasks })).toEqual({ roots: {} });
  expect(legacyCapabilities({})).toEqual({});
});
