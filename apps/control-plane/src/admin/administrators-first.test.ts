import { expect, test } from 'vitest';
import { administratorsFirst } from './administrators-first.js';

const { placeOf } = administratorsFirst({ isKnown: (authorization) => authorization === 'Bearer known' });
const placeWith = (headers: Record<string, string>) =>
  placeOf({ method: 'POST', url: '/v1/revocations', headers }, '192.0.2.1');

test('whoever is known as an administrator goes first, everybody else waits by address (S34)', () => {
  expect(placeWith({ authorization: 'Bearer known' })).toEqual({ line: 'administrators', urgency: 'prompt' });
  for (const headers of [{}, { authorization: 'Bearer other' }])
    expect(placeWith(headers)).toEqual({ line: '192.0.2.1', urgency: 'patient' });
});
