import type { AuditEventType } from '../event-types.js';
import type { Activity, ClassName } from './classes.js';

/** What an Entity Management event is about. */
export type EntityType =
  | 'Tool'
  | 'Agent'
  | 'Signing key'
  | 'Vault key'
  | 'Audit key'
  | 'Checkpoint'
  | 'Log stream'
  | 'Export of events'
  | 'Configuration'
  | 'Connection'
  | 'Credential provider'
  | 'Client registration';

/** `byMethod`: the method in the detail says which activity it is. */
export type Mapping =
  | { readonly class: 'apiActivity'; readonly activity: 'byMethod' }
  | { readonly class: 'entityManagement'; readonly activity: Activity<'entityManagement'>; readonly entity: EntityType }
  | {
      [C in Exclude<ClassName, 'apiActivity' | 'entityManagement'>]: {
        readonly class: C;
        readonly activity: Activity<C>;
      };
    }[Exclude<ClassName, 'apiActivity' | 'entityManagement'>];

const call = { class: 'apiActivity', activity: 'byMethod' } as const;
const finding = { class: 'detectionFinding', activity: 'Create' } as const;
const assign = { class: 'userAccess', activity: 'Assign Privileges' } as const;
const entity = (type: EntityType, activity: Activity<'entityManagement'>): Mapping => ({
  class: 'entityManagement',
  activity,
  entity: type,
});

/** The class and activity of every type of event: a type that has none does not compile. */
export const MAPPINGS: Readonly<Record<AuditEventType, Mapping>> = {
  'mcp.request': call,
  'mcp.response': call,
  'mcp.content': call,
  'tool.listed': entity('Tool', 'Create'),
  'events.summed': finding,
  'user.signed_in': { class: 'authentication', activity: 'Logon' },
  'user.sign_in_failed': { class: 'authentication', activity: 'Logon' },
  'user.signed_out': { class: 'authentication', activity: 'Logoff' },
  'agent.registered': entity('Agent', 'Enroll'),
  'agent.registration_removed': entity('Agent', 'Unenroll'),
  'agent.registration_removal_requested': entity('Agent', { other: 'Removal requested' }),
  'agent.consented': assign,
  'agent.consent_denied': assign,
  'token.issued': { class: 'authorizeSession', activity: 'Assign Privileges' },
  'token.refreshed': { class: 'authentication', activity: 'Service Ticket Renew' },
  'token.refused': { class: 'authentication', activity: 'Service Ticket Request' },
  'token.revoked': { class: 'authentication', activity: 'Logoff' },
  'limit.exceeded': finding,
  'signing_key.created': entity('Signing key', 'Create'),
  'signing_key.rotation_requested': entity('Signing key', { other: 'Rotation requested' }),
  'signing_key.withdrawn': entity('Signing key', 'Deactivate'),
  'vault_key.created': entity('Vault key', 'Create'),
  'vault_key.removed': entity('Vault key', 'Delete'),
  'administrator.request': call,
  'administrator.refused': call,
  'administrator.break_glass': call,
  'configuration.changed': entity('Configuration', 'Update'),
  'configuration.drifted': entity('Configuration', 'Update'),
  'revocation.created': { class: 'userAccess', activity: 'Revoke Privileges' },
  'connection.created': entity('Connection', 'Create'),
  'connection.consented': assign,
  'connection.removed': entity('Connection', 'Delete'),
  'connection.revoked_upstream': entity('Connection', 'Deactivate'),
  'audit.checkpoint': entity('Checkpoint', 'Create'),
  'audit.records_missing': finding,
  'audit.key_created': entity('Audit key', 'Create'),
  'log_stream.tested': entity('Log stream', { other: 'Tested' }),
  'event_export.created': entity('Export of events', 'Create'),
  'event_export.downloaded': entity('Export of events', 'Read'),
  'connection.refreshed': entity('Connection', 'Update'),
  'connection.refresh_failed': entity('Connection', 'Update'),
  'connection.needs_reconnect': entity('Connection', 'Suspend'),
  'lease.refused': entity('Connection', 'Read'),
  'credential-provider.paused': entity('Credential provider', 'Suspend'),
  'credential-provider.resumed': entity('Credential provider', 'Resume'),
  'client-registration.dropped': entity('Client registration', 'Unenroll'),
};
