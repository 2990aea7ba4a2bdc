import { describe, expect, test } from 'vitest';
import { cookieNames } from '../pages/cookies.js';
import { SignInCookies } from './sign-in-cookies.js';

/** The values of this test are the times at which their sign-ins end. */
const cookies = new SignInCookies(cookieNames('https://cp.example'), (value) => Number(value) || 0);
const begin = (header: string | undefined, state: string, cookie: string) =>
  cookies.begin(header, { state, cookie, maxAgeSeconds: 600 });
const pairOf = (setCookie = '') => setCookie.split(';')[0] ?? '';

describe('the cookies of sign-ins under way (S23, S31)', () => {
  test('are found by the state that the answer has, and by no other', () => {
    const [setCookie = ''] = begin(undefined, 'one', '1');
    expect(setCookie).toMatch(
      /^__Host-sallyport_cp_sign_in_[\w-]{22}=1; .*Max-Age=600; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(setCookie).not.toContain('one');
    const header = `${pairOf(setCookie)}; ${pairOf(begin(undefined, 'two', '2')[0])}`;
    expect(['one', 'two', 'three', null].map((state) => cookies.find(header, state))).toEqual([
      '1',
      '2',
      undefined,
      undefined,
    ]);
    expect(cookies.end('one')).toContain(`${pairOf(setCookie).split('=')[0]}=; Path=/; Max-Age=0`);
  });

  test('are four at most: the one that ends first goes, and what is none of ours before it', () => {
    const four = ['5', '2', 'altered', '4'].map((value) => pairOf(begin(undefined, `state ${value}`, value)[0]));
    const header = ['other=1', ...four].join('; ');
    const removed = (given: string) =>
      begin(given, 'new', '9')
        .slice(1)
        .map((setCookie) => [four.findIndex((pair) => pair.startsWith(setCookie.split('=')[0] ?? '')), setCookie]);
    expect(removed(header)).toEqual([[2, expect.stringContaining('Max-Age=0')]]);
    const further = pairOf(begin(undefined, 'further', '7')[0]);
    expect(removed(`${header}; ${further}`).map(([index]) => index)).toEqual([2, 1]);
    expect(removed(`${four[0]}; ${four[1]}; ${four[3]}`)).toEqual([]);
  });
});
