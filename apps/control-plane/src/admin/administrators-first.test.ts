import { Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { administratorsFirst } from './administrators-first.js';

const { placeOf } = administratorsFirst(new Secret('sp_admin_0123456789'));
const placeWith = (headers: Record<string, string>) =>
  placeOf({ method: 'POST', url: '/v1/revocations', headers }, '192.0.2.1');

test("whoever shows the administrator's token goes first, everybody else waits by address (S34)", () => {
  expect(placeWith({ authorization: 'Bearer sp_admin_0123456789' })).toEqual({
    line: 'administrators',
    urgency: 'prompt',
  });
  for (const headers of [
    {},
    { authorization: 'Bearer sp_admin_012345678' },
    { authorization: 'Basic sp_admin_0123456789' },
  ])
    expect(placeWith(headers)).toEqual({ line: '192.0.2.1', urgency: 'patient' });
});
