import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import type { Caller } from '../caller.js';
import { compilePolicies } from '../compile-policies.js';
import { decide } from '../decide.js';
import type { Action, Decision } from '../decision.js';

export const NOW = Date.parse('2026-07-06T10:00:00Z'); // a Monday
export const caller: Caller = {
  userId: 'usr_alice',
  trustProvider: 'demo',
  subject: 'alice',
  clientId: 'https://agent.example/client.json',
  agentName: 'Agent',
  agentAssurance: 'verified-redirect',
  isKeyBound: false,
  sid: 'ses_1',
  scopes: new Set(['notes.read']),
  roles: ['writer'],
  groups: ['staff'],
  authTime: NOW / 1000 - 600,
  issuedAt: NOW / 1000 - 60,
  expiresAt: NOW / 1000 + 600,
  acr: undefined,
  amr: ['pwd'],
};
export const as = (part: Partial<Caller>): Caller => ({ ...caller, ...part });

export const BASE = [
  { kind: 'TrustProvider', name: 'demo', spec: { issuer: 'https://idp.example', clientId: 'sallyport' } },
  { kind: 'Role', name: 'writer', spec: { scopes: ['notes.read', 'notes.write'] } },
  { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } },
  { kind: 'McpServer', name: 'other', spec: { url: 'https://other.example/mcp' } },
  { kind: 'CredentialProvider', name: 'notes-user', spec: { type: 'mcp-user-oauth', server: 'notes' } },
  { kind: 'CredentialProvider', name: 'other-none', spec: { type: 'none', server: 'other' } },
];
export const c2g = (spec: object = {}, name = 'everybody') => ({
  kind: 'AccessPolicy',
  name,
  spec: { hop: 'client-to-gateway', ...spec },
});
export const TOOLS = [
  { match: ['get_*', 'list_*'], scope: 'notes.read' },
  { match: ['create_*'], scope: 'notes.write' },
  { match: ['delete_*'], scope: 'notes.admin', roles: ['admin'] },
  { match: ['ping'] },
];
export const g2s = (spec: object = {}, name = 'notes-policy') => ({
  kind: 'AccessPolicy',
  name,
  spec: {
    hop: 'gateway-to-server',
    server: 'notes',
    credentialProvider: 'notes-user',
    tools: TOOLS,
    resources: [{ match: ['note://**'], scope: 'notes.read' }],
    ...spec,
  },
});

export const [READ, WRITE] = ['a'.repeat(64), 'b'.repeat(64)] as const;
export const approved = (...tools: object[]) => ({
  kind: 'ApprovedTools',
  name: 'notes',
  spec: { tools: tools.map((one) => ({ name: 'get_note', ...one })) },
});
export const policies = (...documents: object[]) =>
  compilePolicies(
    createSnapshot({
      epoch: 'e1',
      revision: 7,
      documents: documentMap([...BASE, ...documents].map((document) => Document.parse(document))),
      revocations: new RevocationIndex(() => NOW),
    }),
  );
export const tool = (name: string, part: object = {}): Action => ({ type: 'tool', name, ...part });
export const summary = (decision: Decision) =>
  decision.outcome === 'deny'
    ? `deny ${decision.reason}`
    : decision.outcome === 'step-up'
      ? `step-up ${decision.requiredScopes.join(' ')}`
      : 'allow';
export const ask = (
  set: ReturnType<typeof policies>,
  who: Caller,
  action: Action,
  part: { server?: string; sourceIp?: string | null; now?: number } = {},
) => decide(set, who, { server: 'notes', action, sourceIp: '192.0.2.1', now: NOW, ...part });
