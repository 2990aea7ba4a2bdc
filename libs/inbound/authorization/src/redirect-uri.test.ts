import { describe, expect, test } from 'vitest';
import {
  applicationTypeFor,
  classifyRedirectUri,
  problemOfRedirectEntry,
  redirectHost,
  redirectTarget,
} from './index.js';
import { hostMatches, mayRegisterRedirectUri } from './redirect-uri.js';

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
    'cursor://user@host/callback',
    'cursor://user:password@host/callback',
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
    expect(redirectTarget('cursor://x/cb?config=1')).toBe('an application on this device (cursor://x/cb?config=1)');
  });

  test('loses its loopback port as part of what is consented to, and keeps any other', () => {
    expect([
      redirectHost('http://127.0.0.1:1/cb'),
      redirectHost('http://[::1]:2/cb'),
      redirectHost('https://agent.example:8443/cb'),
    ]).toEqual(['127.0.0.1', '[::1]', 'agent.example:8443']);
  });
});

describe('registration', () => {
  test('is limited to the hosts the administrator lists (R18)', () => {
    const allowed = ['127.0.0.1', '*.agents.example', 'one.example:8443', 'cursor://x/cb'];
    const verdicts = [
      'http://127.0.0.1:99/cb',
      'https://a.agents.example/cb',
      'https://one.example:8443/cb',
      'cursor://x/cb',
    ].map((uri) => mayRegisterRedirectUri(uri, allowed).allowed);
    expect(verdicts).toEqual([true, true, true, true]);
    const refused = [
      'http://localhost:99/cb',
      'https://agents.example/cb',
      'https://agents.example.evil.example/cb',
      'https://one.example/cb',
      'vscode://x/cb',
      'http://one.example:8443/cb',
    ].map((uri) => mayRegisterRedirectUri(uri, allowed).allowed);
    expect(refused).toEqual([false, false, false, false, false, false]);
  });

  test('compares whole URIs within a private-use scheme, and where a URI is listed: path and query too, only loopback ports are free (R18, S35)', () => {
    const listed = [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://vscode.dev/redirect',
      'http://localhost:8787/callback',
      'vscode:',
      'agents.example',
      '127.0.0.1',
    ];
    const may = (uri: string) => mayRegisterRedirectUri(uri, listed).allowed;
    expect(
      [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://vscode.dev/redirect',
        'http://localhost:8787/callback',
        'http://localhost:49152/callback',
        'http://localhost/callback',
        'https://agents.example/any/path',
        'http://127.0.0.1:7/any',
      ].map(may),
    ).not.toContain(false);
    const others = [
      'cursor://anysphere.cursor-deeplink/mcp/install?name=x&config=e30',
      'cursor://anysphere.cursor-mcp/oauth/callback?x=1',
      'cursor://anysphere.cursor-mcp/oauth/callback/',
      'cursor://anysphere.cursor-mcp',
      'CURSOR://anysphere.cursor-mcp/oauth/callback',
      'vscode://saoudrizwan.claude-dev/mcp-auth/callback/1',
      'vscode:mcp/install?x',
      'https://vscode.dev/redirect/mcp/install?name=x',
      'https://vscode.dev/redirect?url=x',
      'https://vscode.dev/',
      'https://vscode.dev:8443/redirect',
      'http://localhost:8787/other',
      'http://127.0.0.2/callback',
      'https://localhost:8787/callback',
      'https://agents.example/to?url=https://evil.example',
      'http://127.0.0.1:7/any?x=1',
    ];
    expect(others.filter(may)).toEqual([]);
  });
  test('is told where an entry lets nothing in: a scheme alone, or what is no redirect URI (R18)', () => {
    expect(
      ['cursor:', 'com.example.app:', 'javascript:alert(1)', 'http://agents.example/cb'].map(
        (entry) => problemOfRedirectEntry(entry)?.split(' ', 1)[0],
      ),
    ).toEqual(['cursor:', 'com.example.app:', 'javascript:alert(1)', 'http://agents.example/cb']);
    expect(
      [
        'localhost',
        '[::1]',
        '*',
        '*.agents.example',
        'one.example:8443',
        'cursor://x/cb',
        'https://vscode.dev/redirect',
        'http://localhost/cb',
      ].map(problemOfRedirectEntry),
    ).toEqual(Array.from({ length: 8 }, () => undefined));
  });

  test('takes any one segment where the last one of a whole URI is a *, and nothing that could be read as more (R18, S35)', () => {
    const listed = [
      'https://chatgpt.com/connector/oauth/*',
      'http://127.0.0.1/callback/*',
      'vscode://saoudrizwan.claude-dev/mcp-auth/callback/*',
    ];
    const may = (uri: string) => mayRegisterRedirectUri(uri, listed).allowed;
    expect(
      [
        'https://chatgpt.com/connector/oauth/Tq-9_x',
        'http://127.0.0.1:4545/callback/q80fMxpCs-Uy',
        'vscode://saoudrizwan.claude-dev/mcp-auth/callback/4f1c',
      ].map(may),
    ).not.toContain(false);
    const others = [
      'https://chatgpt.com/connector/oauth/',
      'https://chatgpt.com/connector/oauth',
      'https://chatgpt.com/connector/oauth/..',
      'https://chatgpt.com/connector/oauth/.',
      'https://chatgpt.com/connector/oauth/%2e%2e',
      'https://chatgpt.com/connector/oauth/a/b',
      'https://chatgpt.com/connector/oauth/a?x=1',
      'https://chatgpt.com/connector/oauth/a%2fb',
      'https://chatgpt.com/connector/oauth/*',
      'https://evil.example/connector/oauth/a',
      `https://chatgpt.com/connector/oauth/${'a'.repeat(129)}`,
      'http://localhost:4545/callback/x',
    ];
    expect(others.filter(may)).toEqual([]);
    expect(
      ['https://a.example/*/cb', 'https://*.example/cb', 'https://a.example/c*', 'https://a.example/*'].map(
        (entry) => problemOfRedirectEntry(entry)?.split(' ', 1)[0],
      ),
    ).toEqual(['https://a.example/*/cb', 'https://*.example/cb', 'https://a.example/c*', undefined]);
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
