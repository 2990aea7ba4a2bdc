import { describe, expect, test } from 'vitest';
import { applicationTypeFor, classifyRedirectUri, hostMatches, mayRegisterRedirectUri, redirectHost, redirectTarget } from './index.js';

describe('a redirect URI', () => {
  test.each([
    ['https://agent.example/cb', { kind: 'https', host: 'agent.example' }],
    ['https://Agent.example:443/cb', { kind: 'https', host: 'agent.example' }],
    ['https://agent.example:8443/cb?x=1', { kind: 'https', host: 'agent.example:8443' }],
    ['http://127.0.0.1:49152/cb', { kind: 'loopback', host: '127.0.0.1:49152' }],
    ['http://[::1]:7/cb', { kind: 'loopback', host: '[::1]:7' }],
    ['http://localhost/cb', { kind: 'loopback', host: 'localhost' }],
    ['cursor://anysphere.cursor-mcp/oauth/callback', { kind: 'private-use', scheme: 'cursor:' }],
    ['com.example.app:/cb', { kind: 'private-use', scheme: 'com.example.app:' }],
  ])('%s is accepted for what it is', (uri, expected) => {
    expect(classifyRedirectUri(uri)).toEqual(expected);
  });

  test.each([
    'cursor://user@host/callback', 'cursor://user:password@host/callback',
    'http://agent.example/cb',
    'http://127.0.0.1.nip.io/cb',
    'http://10.0.0.1/cb',
    'https://user:secret@agent.example/cb',
    'https://agent.example/cb#fragment',
    'https://agent.example/cb#',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'https://agent.example\\@evil.example/cb',
    'https://agent.example/ cb',
    '/cb',
    'http:127.0.0.1/cb',
    'http:/127.0.0.1/cb',
    'http://127.1/cb',
    'http://0x7f000001/cb',
    'https:agent.example/cb',
    'https://münchen.example/cb',
    'http://localhost./cb',
    'http://[::ffff:127.0.0.1]/cb',
    `https://agent.example/${'x'.repeat(2048)}`,
  ])('%s is refused', (uri) => {
    expect(classifyRedirectUri(uri).kind).toBe('refused');
  });

  test('is named for a person by where it leads', () => {
    expect(redirectTarget('https://agent.example/cb')).toBe('agent.example');
    expect(redirectTarget('http://localhost:8123/cb')).toBe('a program on this computer (localhost:8123)');
    expect(redirectTarget('cursor://x/cb')).toBe('an application on this device (cursor:)');
  });

  test('loses its loopback port as part of what is consented to, and keeps any other', () => {
    expect([redirectHost('http://127.0.0.1:1/cb'), redirectHost('http://[::1]:2/cb'), redirectHost('https://agent.example:8443/cb')]).toEqual(['127.0.0.1', '[::1]', 'agent.example:8443']);
  });
});

describe('registration', () => {
  test('is limited to the hosts the administrator lists (R18)', () => {
    const allowed = ['127.0.0.1', '*.agents.example', 'one.example:8443', 'cursor:'];
    const verdicts = ['http://127.0.0.1:99/cb', 'https://a.agents.example/cb', 'https://one.example:8443/cb', 'cursor://x/cb'].map((uri) => mayRegisterRedirectUri(uri, allowed).allowed);
    expect(verdicts).toEqual([true, true, true, true]);
    const refused = ['http://localhost:99/cb', 'https://agents.example/cb', 'https://agents.example.evil.example/cb', 'https://one.example/cb', 'vscode://x/cb', 'http://one.example:8443/cb'].map((uri) => mayRegisterRedirectUri(uri, allowed).allowed);
    expect(refused).toEqual([false, false, false, false, false, false]);
  });

  test('makes an agent with loopback or private-use redirects native, so that any loopback port is accepted', () => {
    expect(applicationTypeFor(['http://127.0.0.1/cb', 'https://vscode.example/cb'])).toBe('native');
    expect(applicationTypeFor(['https://agent.example/cb'])).toBe('web');
  });

  test('host patterns match whole labels and ignore case', () => {
    expect(hostMatches('Agent.Example', 'agent.example')).toBe(true);
    expect(hostMatches('xagent.example', '*.agent.example')).toBe(false);
    expect(hostMatches('anything.example', '*')).toBe(true);
  });
});
