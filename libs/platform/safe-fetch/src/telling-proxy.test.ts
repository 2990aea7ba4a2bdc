import { SallyportError } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { outboundProxy, readProxyUrl, tellingProxy } from './index.js';

test('each failure of a proxy is one line a minute, and many hosts cannot flood the log (S33)', () => {
  const lines: unknown[] = [];
  let now = 0;
  const proxy = tellingProxy(
    outboundProxy({ https: readProxyUrl('http://proxy.example:3128') }),
    { warn: (about, message) => void lines.push([about, message]) },
    () => now,
  );
  const fail = (message: string) => proxy?.onFailure?.(new SallyportError('outbound_proxy_failed', message));
  fail('It answered 407.');
  fail('It answered 407.');
  expect(lines).toEqual([[{ said: 'It answered 407.' }, 'a call did not get through the proxy']]);
  for (let host = 0; host < 1_000; host++) fail(`It answered 502 to host ${host}.`);
  expect(lines).toHaveLength(20);
  now += 60_000;
  fail('It answered 407.');
  expect(lines).toHaveLength(21);
  expect(tellingProxy(undefined, { warn: () => undefined })).toBeUndefined();
});
