import { describe, expect, it } from 'vitest';
import { isLoopbackAddress } from './is-loopback.js';
import { refuseForeignRequest } from './refuse-foreign-request.js';

describe('a loopback address', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])('%s is one', (address) => {
    expect(isLoopbackAddress(address)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', '192.168.1.1', '::ffff:10.0.0.1', 'localhost', '', undefined])(
    '%s is not',
    (address) => {
      expect(isLoopbackAddress(address)).toBe(false);
    },
  );
});

describe('a request to a demonstration server', () => {
  const own = { url: 'http://127.0.0.1:7403', peer: '127.0.0.1', host: '127.0.0.1:7403', origin: undefined };

  it('is answered when it comes from this machine and names this server', () => {
    expect(refuseForeignRequest(own)).toBeUndefined();
    expect(refuseForeignRequest({ ...own, origin: 'http://127.0.0.1:7403' })).toBeUndefined();
  });

  it.each([
    ['comes from another machine', { peer: '192.168.1.7' }],
    ['comes from nowhere known', { peer: undefined }],
    ['names another host', { host: 'rebound.example:7403' }],
    ['names another port', { host: '127.0.0.1:80' }],
    ['names no host', { host: undefined }],
    ['comes from a page of another origin', { origin: 'http://evil.example' }],
    ['comes from a page without an origin', { origin: 'null' }],
  ])('is refused when it %s', (_what, change) => {
    expect(refuseForeignRequest({ ...own, ...change })).toMatch(/\.$/);
  });
});
