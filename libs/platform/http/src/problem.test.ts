import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseRequest, pointerOf, RequestRefused, toProblem } from './index.js';

test('a refusal of a route has its own stable type, or that of its status, and its own members', () => {
  const refusal = { status: 409, name: 'base-moved', detail: 'It moved.', members: { revision: 7 } };
  expect(toProblem(new RequestRefused(refusal))).toEqual({
    type: 'urn:sallyport:problem:base-moved',
    title: 'Conflict',
    status: 409,
    detail: 'It moved.',
    revision: 7,
  });
  expect(toProblem(new RequestRefused({ status: 428, detail: 'Send If-Match.' }))).toMatchObject({
    type: 'urn:sallyport:problem:precondition-required',
    title: 'Precondition Required',
  });
  expect(toProblem(new Error('secret'))).toEqual({
    type: 'urn:sallyport:problem:internal-server-error',
    title: 'Internal Server Error',
    status: 500,
  });
});

test('a wrong field is named by a JSON pointer (RFC 6901) and the part of the request it is in', () => {
  const parse = () => parseRequest(z.object({ 'a/b': z.array(z.object({ '~': z.int() })) }), { 'a/b': [{}] }, 'query');
  expect(() => parse()).toThrow(
    expect.objectContaining({ fields: [expect.objectContaining({ pointer: '/a~1b/0/~0', in: 'query' })] }),
  );
  expect(pointerOf([])).toBe('');
});
