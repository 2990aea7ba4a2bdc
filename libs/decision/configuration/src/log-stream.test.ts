import { expect, test } from 'vitest';
import { LogStreamSpec } from './log-stream.js';

const takes = (sink: object) => LogStreamSpec.safeParse({ sink }).success;

test('a file of a log stream is one in the folder that was set aside, and nowhere else (S29)', () => {
  for (const name of ['events.ndjson', 'a_b-2026.log']) expect(takes({ file: { name } })).toBe(true);
  for (const name of ['../events', 'a/b', '/etc/passwd', '..', '.hidden', 'a..b', 'a\u0000', 'a\\b', ''])
    expect([name, takes({ file: { name } })]).toEqual([name, false]);
});

test('what a receiver knows us by is sent in one header, which no name of one can leave (S33)', () => {
  const sink = (header: string) => ({
    otlp: { url: 'https://otlp.example/v1/logs', credential: { header, secret: { env: 'OTLP' } } },
  });
  for (const header of ['authorization', 'api-key']) expect(takes(sink(header))).toBe(true);
  for (const header of ['a: b', 'a\r\nhost', 'a b', 'ä', ''])
    expect([header, takes(sink(header))]).toEqual([header, false]);
});

test('a log stream has one sink', () => {
  expect(takes({ stdout: {} })).toBe(true);
  expect([takes({}), takes({ stdout: {}, file: { name: 'a' } })]).toEqual([false, false]);
});
