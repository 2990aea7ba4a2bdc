import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { compilePolicies, type Caller, type CompiledPolicies } from '@sallyport/policy';
import type { Catalogue } from '@sallyport/server';
import { expect, test } from 'vitest';
import { visibleEntries } from './visible-entries.js';

const caller = (roles: readonly string[]): Caller => ({
  userId: 'usr_alice',
  trustProvider: 'demo',
  subject: 'alice',
  clientId: 'https://agent.example/client.json',
  agentName: 'Agent',
  agentAssurance: 'verified-redirect',
  isKeyBound: false,
  sid: 'ses_1',
  scopes: new Set(),
  roles: [...roles],
  groups: [],
  authTime: 0,
  issuedAt: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  acr: undefined,
  amr: [],
});

function policiesWith(...tools: readonly object[]): CompiledPolicies {
  const documents = [
    { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } },
    { kind: 'CredentialProvider', name: 'none', spec: { type: 'none', server: 'notes' } },
    { kind: 'AccessPolicy', name: 'in', spec: { hop: 'client-to-gateway' } },
    {
      kind: 'AccessPolicy',
      name: 'notes',
      spec: { hop: 'gateway-to-server', server: 'notes', credentialProvider: 'none', tools },
    },
  ].map((document) => Document.parse(document));
  return compilePolicies(
    createSnapshot({
      epoch: 'e',
      revision: 1,
      documents: documentMap(documents),
      revocations: new RevocationIndex(() => 0),
    }),
  );
}

const listingOf = (...names: readonly string[]): Catalogue => ({
  server: 'notes',
  entries: new Map(names.map((name) => [name, { publicName: name, name, json: '{}', legacyJson: '{}' }])),
  dropped: [],
  adjusted: [],
});

const everybody = { match: ['get_*'] };
const writers = { match: ['put_*'], roles: ['writer'] };
const listing = listingOf('get_note', 'put_note', 'drop_all');
const shown = (policies: CompiledPolicies, who: Caller, what: Catalogue = listing) =>
  visibleEntries(policies, who, 'tools', what).map(({ name }) => name);

test('what one caller may know of is remembered, and answers no other caller (S14, S15)', () => {
  const policies = policiesWith(everybody, writers);
  const [writer, reader] = [caller(['writer']), caller([])];
  for (let time = 0; time < 2; time++) {
    expect(shown(policies, writer)).toEqual(['get_note', 'put_note']);
    expect(shown(policies, reader)).toEqual(['get_note']);
  }
  expect(visibleEntries(policies, writer, 'tools', listing)).toBe(visibleEntries(policies, writer, 'tools', listing));
});

test('it is decided anew under other policies, and for what was listed anew (S15)', () => {
  const writer = caller(['writer']);
  expect(shown(policiesWith(everybody, writers), writer)).toEqual(['get_note', 'put_note']);
  expect(shown(policiesWith(everybody), writer)).toEqual(['get_note']);
  const policies = policiesWith(everybody);
  expect(shown(policies, writer)).toEqual(['get_note']);
  expect(shown(policies, writer, listingOf('get_more'))).toEqual(['get_more']);
});
