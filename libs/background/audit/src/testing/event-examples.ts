import type { AuditRecord, CallRecord, LifecycleRecord } from '@sallyport/messages';
import type { ContentRecord } from '@sallyport/messages/content';
import type { AuditEvent, AuditEventType } from '../index.js';
import { toEvents } from '../index.js';

const AT = Date.UTC(2026, 10, 30, 9, 30);
const alice = { userId: 'usr_01kbxw5vg0e8m3q2', trustProvider: 'company' };
const agent = { clientId: 'https://agent.example/metadata.json', agentName: 'Example Agent' };
const session = { ...alice, ...agent, sid: 'ses_01kbxw6y3cpn7fza' };
const atNotes = { server: 'notes', connectionId: 'con_01kbxw71h4s9d0jt' };
const address = '198.51.100.9';
const revision = 41;
const exported = { export: 'exp_01kbxw7f2m5t8z4c', format: 'ndjson', upTo: 4_711, filter: 'type=mcp.*' };

type Told = Omit<LifecycleRecord, 'v' | 'type' | 'id' | 'at' | 'replica'>;
const GATEWAY = 'gateway-1';
const AUTHORIZATION_SERVER = 'authorization-server';
const CONTROL_PLANE = 'control-plane';
const WORKER = 'token-refresh-worker';

const call: CallRecord = {
  v: 1,
  type: 'mcp.call',
  id: 'evt_01kbxw7a2mhq5t8r',
  replica: GATEWAY,
  receivedAt: AT,
  durationMs: 48.215,
  upstreamMs: 46.902,
  requestBytes: 312,
  responseBytes: 1_284,
  address,
  ...session,
  protocolVersion: '2026-07-28',
  method: 'tools/call',
  ...atNotes,
  target: 'add_note',
  definition: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
  decision: 'allow',
  policies: { clientToGateway: 'employees', gatewayToServer: 'notes-for-employees' },
  policyRevision: revision,
  httpStatus: 200,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
};

const content: ContentRecord = {
  v: 1,
  type: 'mcp.content',
  id: `${call.id}.content`,
  replica: GATEWAY,
  at: AT,
  callId: call.id,
  ...{ address, ...session, ...atNotes, method: 'tools/call', target: 'add_note', traceId: call.traceId },
  level: 'redacted',
  arguments: '{"title":"Shopping","password":"[redacted]"}',
  result: '{"content":[{"type":"text","…":"1 more"}]}',
};

/** Who tells of it, and what. */
const STEPS: Record<LifecycleRecord['type'], readonly [replica: string, told: Told]> = {
  'user.signed_in': [AUTHORIZATION_SERVER, { address, ...alice }],
  'user.sign_in_failed': [
    AUTHORIZATION_SERVER,
    {
      address,
      trustProvider: 'company',
      reason: 'trust_provider_unavailable',
      detail: { cause: 'The identity provider does not answer.' },
    },
  ],
  'user.signed_out': [AUTHORIZATION_SERVER, { address, ...alice, reason: 'signed out' }],
  'agent.registered': [AUTHORIZATION_SERVER, { address, clientId: 'dyn_8sKq2', agentName: 'Desktop Agent' }],
  'agent.registration_removed': [
    AUTHORIZATION_SERVER,
    { clientId: 'dyn_8sKq2', agentName: 'Desktop Agent', reason: 'no session used it for long' },
  ],
  'agent.registration_removal_requested': [
    CONTROL_PLANE,
    { clientId: 'dyn_8sKq2', agentName: 'Desktop Agent', reason: 'lost laptop' },
  ],
  'agent.consented': [
    AUTHORIZATION_SERVER,
    { address, ...session, detail: { remembered: false, scope: 'notes.write' } },
  ],
  'agent.consent_denied': [AUTHORIZATION_SERVER, { address, userId: alice.userId, ...agent }],
  'token.issued': [AUTHORIZATION_SERVER, { address, ...session, detail: { scope: 'notes.write' } }],
  'token.refreshed': [AUTHORIZATION_SERVER, { address, ...session, detail: { scope: 'notes.write' } }],
  'token.refused': [
    AUTHORIZATION_SERVER,
    { address, ...agent, reason: 'refresh token not found', detail: { error: 'invalid_grant' } },
  ],
  'token.revoked': [AUTHORIZATION_SERVER, { ...session, reason: 'signed out' }],
  'connection.created': [CONTROL_PLANE, { ...session, ...atNotes, detail: { revision: 1 } }],
  'connection.refreshed': [WORKER, { userId: alice.userId, ...atNotes, detail: { revision: 2 } }],
  'connection.refresh_failed': [
    WORKER,
    { userId: alice.userId, ...atNotes, reason: 'unavailable', detail: { failures: 1 } },
  ],
  'connection.needs_reconnect': [
    WORKER,
    { userId: alice.userId, ...atNotes, reason: 'invalid_grant', detail: { description: 'Token has been revoked.' } },
  ],
  'connection.removed': [CONTROL_PLANE, { userId: alice.userId, ...atNotes, reason: 'disconnected by its user' }],
  'connection.revoked_upstream': [
    CONTROL_PLANE,
    { userId: alice.userId, ...atNotes, detail: { revoked: true, attempts: 1 } },
  ],
  'connection.consented': [CONTROL_PLANE, { ...session, ...atNotes }],
  'credential-provider.paused': [
    WORKER,
    {
      reason: 'client_refused',
      detail: {
        credentialProvider: 'notes-oauth',
        issuer: 'https://auth.notes.example',
        error: 'invalid_client',
        failures: 5,
        nextProbeAt: '2026-11-30T09:35:00.000Z',
      },
    },
  ],
  'credential-provider.resumed': [
    WORKER,
    {
      reason: 'answered',
      detail: {
        credentialProvider: 'notes-oauth',
        issuer: 'https://auth.notes.example',
        pausedSince: '2026-11-30T09:30:00.000Z',
      },
    },
  ],
  'client-registration.dropped': [
    WORKER,
    { reason: 'client_forgotten', detail: { issuer: 'https://auth.notes.example', oauthClientId: 'c-4711' } },
  ],
  'revocation.created': [
    CONTROL_PLANE,
    {
      sid: session.sid,
      reason: 'lost laptop',
      detail: { revocationId: 'rev_01kbxw8e', revision, subject: 'session', block: false, disconnected: 0 },
    },
  ],
  'administrator.request': [
    CONTROL_PLANE,
    {
      address,
      ...session,
      detail: {
        actor: 'Alice',
        method: 'POST',
        route: '/v1/revocations',
        permission: 'revocations:write',
        roles: 'operator',
      },
    },
  ],
  'administrator.refused': [
    CONTROL_PLANE,
    {
      address,
      ...session,
      detail: {
        actor: 'Alice',
        method: 'POST',
        route: '/v1/configuration',
        permission: 'configuration:write',
        roles: 'viewer',
      },
    },
  ],
  'administrator.break_glass': [
    CONTROL_PLANE,
    {
      address,
      detail: {
        actor: 'administrator token',
        method: 'GET',
        route: '/v1/events',
        permission: 'events:read',
        roles: 'owner',
      },
    },
  ],
  'configuration.changed': [
    CONTROL_PLANE,
    {
      userId: alice.userId,
      detail: {
        revision,
        source: 'api',
        actor: `user:${alice.userId}`,
        set: 'production',
        created: 1,
        updated: 2,
        deleted: 0,
        note: 'notes for everybody',
      },
    },
  ],
  'configuration.drifted': [
    CONTROL_PLANE,
    {
      userId: alice.userId,
      reason: 'changed by somebody else',
      detail: {
        revision,
        actor: `user:${alice.userId}`,
        set: 'production',
        count: 1,
        documents: 'AccessPolicy/notes-for-employees',
      },
    },
  ],
  'signing_key.created': [
    AUTHORIZATION_SERVER,
    {
      detail: {
        kid: 'k-2026-12',
        purpose: 'access_token',
        algorithm: 'ES256',
        signsFrom: '2026-12-01T00:00:00.000Z',
      },
    },
  ],
  'signing_key.rotation_requested': [
    CONTROL_PLANE,
    { reason: 'yearly', detail: { purposes: 'access_token', created: 'k-2026-12' } },
  ],
  'signing_key.withdrawn': [
    CONTROL_PLANE,
    {
      reason: 'may have leaked',
      detail: { kid: 'k-2026-11', purpose: 'access_token', revocationId: 'rev_01kbxw9k', revision },
    },
  ],
  'vault_key.created': [CONTROL_PLANE, { reason: 'yearly', detail: { keyId: 'vk-2', records: 812 } }],
  'vault_key.removed': [CONTROL_PLANE, { detail: { keyId: 'vk-1' } }],
  'audit.checkpoint': [
    CONTROL_PLANE,
    {
      detail: {
        number: 17,
        ofWriter: 'gateway-1.0f8a3c5d7e91',
        text: 'control.example/audit\ncheckpoint 17\n…\n\n— control.example/audit Qm9…\n',
      },
    },
  ],
  'audit.records_missing': [
    CONTROL_PLANE,
    { detail: { ofWriter: 'gateway-1.0f8a3c5d7e91', first: 4_711, last: 4_713 } },
  ],
  'audit.key_created': [CONTROL_PLANE, { detail: { publicKey: 'control.example/audit+1f2e3d4c+AZs…' } }],
  'log_stream.tested': [CONTROL_PLANE, { detail: { logStream: 'splunk' } }],
  'event_export.created': [CONTROL_PLANE, { address, ...session, detail: exported }],
  'event_export.downloaded': [CONTROL_PLANE, { address, ...session, detail: exported }],
  'lease.refused': [CONTROL_PLANE, { ...session, server: 'notes', reason: 'denied', detail: { replica: GATEWAY } }],
  'limit.exceeded': [
    AUTHORIZATION_SERVER,
    {
      address,
      reason: 'more requests than the address limit allows',
      detail: { limit: 'address', endpoints: 'token', refusedSinceLastRecord: 12 },
    },
  ],
  'tool.listed': [
    GATEWAY,
    {
      server: 'notes',
      detail: {
        tool: 'add_note',
        sha256: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
        destructiveHint: false,
        definition: '{"inputSchema":{"type":"object"}}',
      },
    },
  ],
  'events.summed': [
    GATEWAY,
    {
      reason: 'no_token',
      detail: {
        of: 'mcp.request',
        count: 3_021,
        from: '2026-11-30T09:30:00.000Z',
        to: '2026-11-30T09:31:00.000Z',
        addresses: '203.0.113.7 203.0.113.8',
      },
    },
  ],
};

const recordOf = (type: LifecycleRecord['type']): LifecycleRecord => {
  const [replica, told] = STEPS[type];
  return { v: 1, type, id: 'evt_01kbxw7b9v2k', at: AT, replica, ...told };
};

/** What the control plane adds when it stores an event of the examples. */
function named(event: AuditEvent): AuditEvent {
  const { userId, server, detail } = event;
  return {
    ...event,
    ...(userId !== undefined && { userName: 'Alice Example' }),
    ...(server !== undefined && { serverTitle: 'Team notes' }),
    ...(detail['connectionId'] !== undefined && { account: 'alice@notes.example' }),
  };
}

/** A record that makes an event of this type, as its writer writes it. */
export const exampleRecord = (type: AuditEventType): AuditRecord =>
  type === 'mcp.request' || type === 'mcp.response' ? call : type === 'mcp.content' ? content : recordOf(type);

/** An event of this type, as it is stored. */
export function exampleEvent(type: AuditEventType): AuditEvent {
  const event = toEvents(exampleRecord(type)).find((made) => made.type === type);
  if (event === undefined) throw new TypeError(`no event of type ${type} is made of its example`);
  return named(event);
}
