import { describe, expect, test } from 'vitest';
import { cookieNames, readCookie, writeCookie } from './cookies.js';

describe('cookies of the control plane (S31)', () => {
  test('have names of their own, and the host prefix where https allows it', () => {
    expect(cookieNames('http://127.0.0.1:7402')).toEqual({
      session: 'sallyport_cp_session',
      signIn: 'sallyport_cp_sign_in',
      shared: 'sallyport_cp_shared',
      secure: false,
    });
    expect(cookieNames('https://cp.example')).toEqual({
      session: '__Host-sallyport_cp_session',
      signIn: '__Host-sallyport_cp_sign_in',
      shared: '__Host-sallyport_cp_shared',
      secure: true,
    });
  });
  test('are unreadable to scripts, same-site, and Secure on https only', () => {
    expect(writeCookie('a', 'b', { maxAgeSeconds: 60, secure: true })).toBe(
      'a=b; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure',
    );
    expect(writeCookie('a', 'b', { maxAgeSeconds: 60, secure: false })).not.toContain('Secure');
  });
  test('are found by their whole name', () => {
    expect(readCookie('xa=1; a=2=3;b=4', 'a')).toBe('2=3');
    expect([readCookie(undefined, 'a'), readCookie('aa=1', 'a')]).toEqual([undefined, undefined]);
  });
});
