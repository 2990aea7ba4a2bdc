import { describe, expect, test } from 'vitest';
import { createHostGuard } from './index.js';

const guard = createHostGuard({
  publicUrls: ['https://gateway.example', 'http://127.0.0.1:7400'],
  allowedOrigins: ['https://inspector.example'],
});
const request = (
  host: string,
  { origin, rawHeaders = ['Host', host], url = '/mcp' }: { origin?: string; rawHeaders?: string[]; url?: string } = {},
) => guard({ host, raw: { rawHeaders, url, headers: origin === undefined ? {} : { origin } } });

describe('the host guard', () => {
  test('accepts the configured hosts, with or without the default port, in any case (S19)', () => {
    for (const host of ['gateway.example', 'GATEWAY.example', 'gateway.example:443', '127.0.0.1:7400'])
      expect(request(host)).toEqual({ outcome: 'accepted', crossOrigin: null });
  });
  test('refuses a foreign Host (S19)', () => {
    for (const host of ['evil.example', 'gateway.example.evil.example', 'gateway.example:7400', '127.0.0.1', ''])
      expect(request(host)).toEqual({ outcome: 'refused', reason: 'foreign_host' });
  });
  test('refuses a request with no Host, two Hosts or an absolute target (S19)', () => {
    expect(request('gateway.example', { rawHeaders: [] })).toMatchObject({ reason: 'ambiguous_host' });
    expect(
      request('gateway.example', { rawHeaders: ['Host', 'gateway.example', 'host', 'evil.example'] }),
    ).toMatchObject({ reason: 'ambiguous_host' });
    expect(request('gateway.example', { url: 'http://evil.example/mcp' })).toMatchObject({ reason: 'ambiguous_host' });
  });
  test('accepts our own Origin and marks an allow-listed one as cross-origin (S19)', () => {
    expect(request('gateway.example', { origin: 'https://gateway.example' })).toEqual({
      outcome: 'accepted',
      crossOrigin: null,
    });
    expect(request('gateway.example', { origin: 'https://inspector.example' })).toEqual({
      outcome: 'accepted',
      crossOrigin: 'https://inspector.example',
    });
  });
  test('refuses a foreign Origin, also one that only looks like ours, and the opaque one (S19)', () => {
    for (const origin of [
      'https://evil.example',
      'http://gateway.example',
      'https://gateway.example.evil.example',
      'null',
      '',
    ])
      expect(request('gateway.example', { origin })).toEqual({ outcome: 'refused', reason: 'foreign_origin' });
  });
});
