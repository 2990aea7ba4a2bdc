import type { DocumentOf } from '@sallyport/configuration';
import { describe, expect, test } from 'vitest';
import {
  configuredTarget,
  openCredential,
  pinsHold,
  pinsOf,
  sealCredential,
  vaultAad,
  type ConfiguredTarget,
  type StoredCredential,
  type Vault,
  type VaultRecord,
} from '@sallyport/connection';

/** Seals by writing down what the value is bound to. */
const vault: Vault = {
  seal: (purpose, plaintext, aad) => new TextEncoder().encode(JSON.stringify([purpose, aad, plaintext])),
  open(purpose, sealed, aad) {
    const [boundPurpose, boundAad, plaintext] = JSON.parse(new TextDecoder().decode(sealed)) as [
      string,
      string,
      string,
    ];
    if (boundPurpose !== purpose || boundAad !== aad) throw new Error('bound to something else');
    return new TextEncoder().encode(plaintext);
  },
};
const server: DocumentOf<'McpServer'> = {
  kind: 'McpServer',
  name: 'notes',
  spec: { url: 'https://notes.example/mcp', timeout: '60s' },
};
const provider: DocumentOf<'CredentialProvider'> = {
  kind: 'CredentialProvider',
  name: 'notes-user',
  spec: { type: 'mcp-user-oauth', server: 'notes', scopes: ['read'] },
};
const target: ConfiguredTarget = { server, provider };
const credential: StoredCredential = {
  v: 1,
  accessToken: 'a',
  refreshToken: null,
  clientAuthentication: 'none',
  pins: pinsOf(target),
};
const record: VaultRecord = {
  id: 'con_1',
  userId: 'usr_1',
  server: 'notes',
  issuer: 'https://as.example',
  resource: 'https://notes.example/mcp',
  credentialProvider: 'notes-user',
  revision: 3,
  tokenEndpoint: 'https://as.example/token',
  revocationEndpoint: 'https://as.example/revoke',
  targetOrigin: 'https://notes.example',
  clientId: 'c',
};

describe('a sealed credential', () => {
  test('opens in its own record', () => {
    expect(openCredential(vault, { ...record, sealedCredential: sealCredential(vault, record, credential) })).toEqual(
      credential,
    );
  });
  test.each([
    { id: 'con_2' },
    { userId: 'usr_2' },
    { userId: null },
    { server: 'mail' },
    { issuer: 'https://evil.example' },
    { resource: 'https://evil.example/mcp' },
    { credentialProvider: 'other' },
    { revision: 2 },
    { tokenEndpoint: 'https://evil.example/token' },
    { revocationEndpoint: 'https://evil.example/revoke' },
    { revocationEndpoint: null },
    { targetOrigin: 'https://evil.example' },
    { clientId: 'another' },
  ] satisfies Partial<VaultRecord>[])('opens in no record that differs in %j (S22) (B1)', (change) => {
    expect(() =>
      openCredential(vault, { ...record, ...change, sealedCredential: sealCredential(vault, record, credential) }),
    ).toThrow('bound to something else');
  });
  test('is bound without ambiguity: moving a character between fields changes the binding (S22)', () => {
    expect(vaultAad({ ...record, server: 'note', issuer: 'shttps://as.example' })).not.toBe(vaultAad(record));
  });
});

describe('the pins of a connection (S20)', () => {
  const connection = { server: 'notes', credentialProvider: 'notes-user', targetOrigin: 'https://notes.example' };
  const withServer = (spec: Partial<DocumentOf<'McpServer'>['spec']>): ConfiguredTarget => ({
    provider,
    server: { ...server, spec: { ...server.spec, ...spec } },
  });
  const withProvider = (spec: DocumentOf<'CredentialProvider'>['spec']): ConfiguredTarget => ({
    server,
    provider: { ...provider, spec },
  });

  test('hold while nothing changed, in whatever order it is written down', () => {
    expect(pinsHold(connection, credential, target)).toBe(true);
    expect(
      pinsHold(connection, credential, withProvider({ scopes: ['read'], server: 'notes', type: 'mcp-user-oauth' })),
    ).toBe(true);
    expect(pinsHold(connection, credential, withServer({ title: 'Renamed', timeout: '10s' }))).toBe(true);
  });
  test.each([
    ['another path of the server', withServer({ url: 'https://notes.example/other' })],
    ['another host', withServer({ url: 'https://evil.example/mcp' })],
    ['another resource', withServer({ resource: 'https://api.notes.example' })],
    ['other scopes', withProvider({ type: 'mcp-user-oauth', server: 'notes', scopes: ['read', 'write'] })],
    [
      'a client of its own',
      withProvider({
        type: 'mcp-user-oauth',
        server: 'notes',
        scopes: ['read'],
        client: { issuer: 'https://as.example', clientId: 'x' },
      }),
    ],
    ["another server's document", { provider, server: { ...server, name: 'mail' } }],
    ['another provider of the same content', { server, provider: { ...provider, name: 'other' } }],
  ] satisfies [string, ConfiguredTarget][])('do not hold for %s', (_what, changed) =>
    expect(pinsHold(connection, credential, changed)).toBe(false),
  );
  test('do not hold when the row names another origin than the configuration', () => {
    expect(pinsHold({ ...connection, targetOrigin: 'https://evil.example' }, credential, target)).toBe(false);
  });
  test('a provider made for another server is no target', () => {
    const documents = [server, { ...provider, spec: { ...provider.spec, server: 'mail' } }];
    const get = (kind: string, name: string) =>
      documents.find((document) => document.kind === kind && document.name === name);
    expect(
      configuredTarget(
        { get: get as Parameters<typeof configuredTarget>[0]['get'] },
        { server: 'notes', credentialProvider: 'notes-user' },
      ),
    ).toBeUndefined();
  });
});
