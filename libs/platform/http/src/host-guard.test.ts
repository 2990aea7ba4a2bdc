import { describe, expect, test } from 'vitest';
import { createHostGuard } from './host-guard.js';

const options = {
  publicUrls: ['https://gateway.example', 'http://127.0.0.1:7400'],
  allowedOrigins: ['https://inspector.example'],
  publicDocuments: ['/.well-known/', '/jwks'],
};
const guard = createHostGuard(options);
interface Asked {
  readonly origin?: string;
  readonly rawHeaders?: string[];
  readonly url?: string;
  readonly method?: string;
}
const request = (
  host: string,
  { origin, rawHeaders = ['Host', host], url = '/mcp', method = 'GET' }: Asked = {},
  asked = guard,
) => asked({ host, raw: { rawHeaders, url, method, headers: origin === undefined ? {} : { origin } } });

describe('the host guard', () => {
  test('accepts the configured hosts, with or without the default port, in any case (S19)', () => {
    for (const host of ['gateway.example', 'GATEWAY.example', 'gateway.example:443', '127.0.0.1:7400'])
      expect(request(host)).toEqual({ outcome: 'accepted', crossOrigin: null });
  });
  test('refuses a foreign Host (S19)', () => {
    for (const host of ['evil.example', 'gateway.example.evil.example', 'gateway.example:7400', '127.0.0.1', '']) {
      expect(request(host)).toEqual({
        outcome: 'refused',
        reason: 'foreign_host',
        detail: 'This is https://gateway.example: use that address.',
      });
    }
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
      expect(request('gateway.example', { origin })).toMatchObject({ outcome: 'refused', reason: 'foreign_origin' });
  });
  test('leads who reads at another name of a loopback address to ours, and sends nothing on that does more (S19)', () => {
    for (const host of ['localhost:7400', '[::1]:7400', 'LOCALHOST:7400']) {
      expect(request(host, { url: '/account?a=b' })).toEqual({
        outcome: 'elsewhere',
        url: 'http://127.0.0.1:7400/account?a=b',
      });
      expect(request(host, { method: 'POST' })).toMatchObject({ reason: 'foreign_host' });
    }
    for (const host of ['localhost', 'localhost:443', 'localhost:7401'])
      expect(request(host)).toMatchObject({ reason: 'foreign_host' });
  });
  test('serves a loopback address under its other names where it is told to (S19)', () => {
    const served = createHostGuard({ ...options, otherSpellings: 'serve' });
    for (const host of ['localhost:7400', '[::1]:7400']) {
      const origin = `http://${host}`;
      expect(request(host, { method: 'POST', origin }, served)).toEqual({ outcome: 'accepted', crossOrigin: null });
    }
    expect(request('localhost:7401', {}, served)).toMatchObject({ reason: 'foreign_host' });
  });
  test('lets pages of any origin read public documents, and do nothing else with them (S19)', () => {
    const origin = 'https://evil.example';
    for (const url of ['/.well-known/oauth-protected-resource/mcp', '/jwks', '/jwks?x']) {
      for (const method of ['GET', 'HEAD', 'OPTIONS']) {
        expect(request('gateway.example', { origin, url, method })).toEqual({ outcome: 'accepted', crossOrigin: '*' });
      }
      expect(request('gateway.example', { origin, url, method: 'POST' })).toMatchObject({ reason: 'foreign_origin' });
    }
    for (const url of ['/jwks/x', '/.well-known', '/mcp?/.well-known/']) {
      expect(request('gateway.example', { origin, url })).toMatchObject({ reason: 'foreign_origin' });
    }
  });
});
