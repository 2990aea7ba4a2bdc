import { describe, expect, test } from 'vitest';
import {
  agentAssurance,
  agentName,
  assuranceWithKey,
  consentDigest,
  grantedScopes,
  isTrustedRedirect,
  type AgentRegistration,
} from './index.js';

const registered: AgentRegistration = {
  clientId: 'dcr_1',
  clientName: 'Agent',
  clientUri: undefined,
  redirectUris: ['http://127.0.0.1/cb'],
  authMethod: 'none',
  registeredBy: 'dynamic',
};
const documented: AgentRegistration = {
  ...registered,
  clientId: 'https://agent.example/client.json',
  redirectUris: ['https://agent.example/cb', 'http://127.0.0.1/cb'],
  registeredBy: 'document',
};

describe('assurance', () => {
  test('comes from how an agent proves itself, never from what it calls itself (S2)', () => {
    expect(agentAssurance(documented, 'https://agent.example/cb')).toBe('verified-redirect');
    expect(agentAssurance({ ...documented, authMethod: 'private_key_jwt' }, 'http://127.0.0.1/cb')).toBe(
      'key-authenticated',
    );
  });
  test('of an agent an administrator entered is what the administrator entered, and asserted on loopback (S2)', () => {
    const entered: AgentRegistration = { ...registered, clientId: 'crm', registeredBy: 'administrator' };
    expect(agentAssurance(entered, 'https://crm.example/cb')).toBe('verified-redirect');
    expect(agentAssurance({ ...entered, authMethod: 'private_key_jwt' }, 'http://127.0.0.1/cb')).toBe(
      'key-authenticated',
    );
    expect(agentAssurance({ ...entered, authMethod: 'client_secret_basic' }, 'http://127.0.0.1/cb')).toBe('asserted');
  });
  test('is raised by a key the agent made itself only where it is known who holds it (S2)', () => {
    expect(assuranceWithKey('verified-redirect', true)).toBe('key-authenticated');
    expect(
      (['asserted', 'verified-redirect', 'key-authenticated'] as const).map((assurance) =>
        assuranceWithKey(assurance, false),
      ),
    ).toEqual(['asserted', 'verified-redirect', 'key-authenticated']);
    expect(assuranceWithKey('asserted', true)).toBe('asserted');
  });
  test('is no more than asserted on loopback, on another host, on another port, or after dynamic registration (S2)', () => {
    const others = [
      agentAssurance(documented, 'http://127.0.0.1:1/cb'),
      agentAssurance(documented, 'https://elsewhere.example/cb'),
      agentAssurance(documented, 'https://agent.example:8443/cb'),
      agentAssurance(registered, 'https://agent.example/cb'),
      agentAssurance({ ...registered, authMethod: 'private_key_jwt' }, 'https://agent.example/cb'),
    ];
    expect(new Set(others)).toEqual(new Set(['asserted']));
  });
});

describe('the name of an agent', () => {
  test('falls back to the host of its document, then to its id', () => {
    expect(agentName({ clientId: 'https://agent.example/c.json', clientName: ' ' })).toBe('agent.example');
    expect(agentName({ clientId: 'dcr_1', clientName: undefined })).toBe('dcr_1');
  });
  test('cannot hide or turn characters around, nor push the page away', () => {
    expect(agentName({ clientId: 'x', clientName: 'Cla\u200bude\u202e \n\t Code\u0000' })).toBe('Claude Code');
    expect(Array.from(agentName({ clientId: 'x', clientName: 'a'.repeat(500) }))).toHaveLength(80);
  });
});

describe('consent', () => {
  const digest = consentDigest(documented, 'https://agent.example/cb', ['a', 'b']);
  test('covers the same agent again, whatever the order of things and the loopback port (S3)', () => {
    expect(
      consentDigest({ ...documented, redirectUris: documented.redirectUris.toReversed() }, 'https://agent.example/cb', [
        'b',
        'a',
      ]),
    ).toBe(digest);
    expect(consentDigest(documented, 'http://127.0.0.1:1/cb', [])).toBe(
      consentDigest(documented, 'http://127.0.0.1:2/cb', []),
    );
  });
  test('is asked again when name, redirect host, authentication or scopes change (S3)', () => {
    const changed = [
      consentDigest({ ...documented, clientName: 'Other' }, 'https://agent.example/cb', ['a', 'b']),
      consentDigest(
        { ...documented, redirectUris: [...documented.redirectUris, 'https://new.example/cb'] },
        'https://agent.example/cb',
        ['a', 'b'],
      ),
      consentDigest(documented, 'http://127.0.0.1/cb', ['a', 'b']),
      consentDigest({ ...documented, authMethod: 'private_key_jwt' }, 'https://agent.example/cb', ['a', 'b']),
      consentDigest(documented, 'https://agent.example/cb', ['a', 'b', 'c']),
    ];
    expect(changed).not.toContain(digest);
    expect(new Set(changed).size).toBe(changed.length);
  });
});

describe('granted scopes', () => {
  const here = {
    entitled: new Set(['notes.write', 'notes.read']),
    isKnown: (scope: string) => scope.startsWith('notes.'),
  };
  test('are what was asked for and the roles give, no more (R31, R32)', () => {
    expect(grantedScopes(['notes.read', 'notes.admin', 'openid', 'notes.read'], here)).toEqual({
      granted: ['notes.read'],
      withheld: ['notes.admin'],
    });
  });
  test('are all the roles give when nothing was asked for', () => {
    expect(grantedScopes([], here)).toEqual({ granted: ['notes.read', 'notes.write'], withheld: [] });
    expect(grantedScopes(['offline_access'], here).granted).toEqual(['notes.read', 'notes.write']);
  });
  test.each([[['openid', 'profile', 'email']], [['mcp:tools']], [['*']]])(
    'are those of nobody asking where %j is asked for: it means nothing here, and is no way to more (R33)',
    (asked) => {
      expect(grantedScopes(asked, here)).toEqual(grantedScopes([], here));
      expect(grantedScopes([...asked, 'notes.read'], here)).toEqual({ granted: ['notes.read'], withheld: [] });
    },
  );
});

describe('a browser is sent on without a click', () => {
  const named = { enabled: true, allowedHosts: ['*', 'agent.example'], deniedHosts: [] };
  const entered: AgentRegistration = { ...registered, clientId: 'crm', registeredBy: 'administrator' };
  test('to what an administrator entered, or to the host they named as publisher of the agent (S35)', () => {
    expect([
      isTrustedRedirect(entered, 'cursor://x/cb', named),
      isTrustedRedirect(documented, 'https://agent.example/cb', named),
    ]).toEqual([true, true]);
  });
  test('to nobody else: a host that any host is as good as, another host, this device, or who registered themselves (S35)', () => {
    const anyHost = { ...named, allowedHosts: ['*'] };
    const others = [
      isTrustedRedirect(documented, 'https://agent.example/cb', anyHost),
      isTrustedRedirect(documented, 'https://elsewhere.example/cb', named),
      isTrustedRedirect(documented, 'http://127.0.0.1/cb', named),
      isTrustedRedirect(documented, 'cursor://x/cb', named),
      isTrustedRedirect(registered, 'https://agent.example/cb', named),
    ];
    expect(others).toEqual([false, false, false, false, false]);
  });
});
