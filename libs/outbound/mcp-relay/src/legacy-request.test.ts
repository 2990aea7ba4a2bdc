import { expect, test } from 'vitest';
import { legacyCapabilities, withoutTaskTools } from './legacy-request.js';

test('an older server is told of what its revision has words for: views are an extension there, tasks are not (R54)', () => {
  const views = { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } };
  const tasks = { 'io.modelcontextprotocol/tasks': {} };
  expect(legacyCapabilities({ roots: {}, extensions: { ...views, ...tasks } })).toEqual({
    roots: {},
    extensions: views,
  });
  expect(legacyCapabilities({ roots: {}, extensions: tasks })).toEqual({ roots: {} });
  expect(legacyCapabilities({})).toEqual({});
});

test("of an older server's tools, those that could only be called as a task of its revision are not offered (R54)", () => {
  const tool = (name: string, execution?: object) => ({ name, ...(execution === undefined ? {} : { execution }) });
  const list = (...tools: unknown[]) => ({
    json: '',
    value: { jsonrpc: '2.0', id: 1, result: { tools, nextCursor: 'x' } },
  });
  const kept = [
    tool('plain'),
    tool('either', { taskSupport: 'optional' }),
    tool('never', { taskSupport: 'forbidden' }),
    null,
  ];
  expect(withoutTaskTools(list(...kept, tool('only', { taskSupport: 'required' }))).value).toEqual(list(...kept).value);
  const error = { json: '', value: { jsonrpc: '2.0', id: 1, error: { code: 1 } } };
  expect(withoutTaskTools(error)).toBe(error);
});
