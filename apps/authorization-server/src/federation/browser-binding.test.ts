import { Secret } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import { BrowserBinding } from './browser-binding.js';

const binding = new BrowserBinding(new Secret<Uint8Array>(Buffer.alloc(32, 1)), { secure: true });

describe('the cookie that says which browser it is (S31)', () => {
  test('is set once, under a name that no other response uses', () => {
    const [first, second] = [binding.bind(undefined), binding.bind('other=1')];
    const [one = '', two = ''] = [first, second].map(({ setCookie }) => setCookie?.split('=')[0]);
    expect([one, two].every((name) => name.startsWith('__Host-sallyport_as_browser_'))).toBe(true);
    expect(one).not.toBe(two);
    const header = `${one}=${first.browser[0]}; ${two}=${second.browser[0]}`;
    expect(binding.bind(header)).toEqual({ browser: [first.browser[0], second.browser[0]], setCookie: undefined });
  });

  test('makes a form good in a browser that was given further ids meanwhile, and in no other (S35)', () => {
    const [own, further, stranger] = [binding.bind(''), binding.bind(''), binding.bind('')];
    const { shown, token } = binding.sign(own.browser, 'request', { server: 'notes' });
    const form = { shown, form_token: token };
    expect(binding.read([further.browser[0], own.browser[0]], 'request', form)).toBe(shown);
    expect(binding.read(stranger.browser, 'request', form)).toBeUndefined();
  });

  test('counts eight times at most, and only as we write it', () => {
    const cookies = Array.from({ length: 20 }, (_, n) => `__Host-sallyport_as_browser_${n}=${'x'.repeat(43)}`);
    expect(binding.idsOf(cookies.join('; '))).toHaveLength(8);
    expect(binding.idsOf('__Host-sallyport_as_browser_1=short; sallyport_as_browser_1=' + 'x'.repeat(43))).toEqual([]);
  });
});
