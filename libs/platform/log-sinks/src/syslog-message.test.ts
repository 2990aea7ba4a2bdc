import { expect, test } from 'vitest';
import { octetCounted, syslogMessage } from './syslog-message.js';

const source = { hostname: 'sallyport.example', appName: 'sallyport', facility: 13 };
const record = { id: 'evt_1', at: 0, type: 'mcp.request', severity: 'info', body: '{"a":"é"}' } as const;

test('a message is as RFC 5424 writes it, its octets counted before it (R78)', () => {
  const message = '<110>1 1970-01-01T00:00:00.000Z sallyport.example sallyport - mcp.request - {"a":"é"}';
  expect(syslogMessage(record, source)).toBe(message);
  expect(octetCounted(message)).toBe(`${message.length + 1} ${message}`);
});
test('what has no place in a header is left out of it', () => {
  const odd = { ...record, type: 'a b\n'.repeat(40), severity: 'error' } as const;
  expect(syslogMessage(odd, { ...source, hostname: 'é', facility: 0 })).toBe(
    `<3>1 1970-01-01T00:00:00.000Z - sallyport - ${'ab'.repeat(16)} - {"a":"é"}`,
  );
});
