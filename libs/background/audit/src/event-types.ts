import { LifecycleRecord } from '@sallyport/messages';
import { z } from 'zod';

export const AuditEventType = z.enum([
  'mcp.request',
  'mcp.response',
  'mcp.content',
  ...LifecycleRecord.shape.type.options,
]);
export type AuditEventType = z.infer<typeof AuditEventType>;

/** What came of it. `pending`: it is the user's move, who has to connect an account or to grant more scopes. */
export const Outcome = z.enum(['success', 'failure', 'denied', 'pending']);
export type Outcome = z.infer<typeof Outcome>;

/** What went wrong, in one word of a closed set; `reason` in the detail says more. */
export const ErrorClass = z.enum([
  'unauthenticated',
  'denied',
  'scopes_missing',
  'connect_required',
  'input_required',
  'invalid_request',
  'limited',
  'unavailable',
  'credential',
  'server_unavailable',
  'server_error',
  'tool_error',
  'ended',
  'client_gone',
  'unrecorded',
  'internal',
]);
export type ErrorClass = z.infer<typeof ErrorClass>;

/** Information, warning, error. */
export type Severity = 'I' | 'W' | 'E';

/** What is known of every event of a type. */
export interface EventKind {
  /**
   * Never changes and is never used again: `SP`, the service whose matter it is (G gateway, A authorization server, C
   * control plane, W token refresh worker), and two digits. An event's code has its severity behind it.
   */
  readonly number: `SP${'G' | 'A' | 'C' | 'W'}${number}`;
  readonly title: string;
  /** One sentence. */
  readonly description: string;
  /** By the outcome where it is not given. */
  readonly severity?: Severity;
  /** What it says about what was attempted; of a call it is found out for each. */
  readonly outcome?: Outcome;
  readonly errorClass?: ErrorClass;
}

/** Severities of events whose type does not decide. */
export const SEVERITIES: Readonly<Record<Outcome, Severity>> = {
  success: 'I',
  pending: 'I',
  denied: 'W',
  failure: 'E',
};

export const EVENT_KINDS = {
  'mcp.request': {
    number: 'SPG01',
    title: 'MCP request',
    description: 'An agent asked for something, and this is what the policies of both hops decided.',
  },
  'mcp.response': {
    number: 'SPG02',
    title: 'MCP response',
    description: 'What came of a request: its answer, how long it took and who took that time.',
  },
  'mcp.content': {
    number: 'SPG05',
    title: 'Content of a call',
    description: 'What a call was asked with and answered, as much of it as the policies of both hops let be recorded.',
    severity: 'I',
    outcome: 'success',
  },
  'tool.listed': {
    number: 'SPG03',
    title: 'Tool listed',
    description: 'A server offered a tool under a definition that had not been seen before.',
    severity: 'I',
    outcome: 'success',
  },
  'events.summed': {
    number: 'SPG04',
    title: 'Events summed up',
    description: 'Events that anybody can cause came faster than they are recorded one by one; this is their number.',
    severity: 'W',
  },
  'user.signed_in': {
    number: 'SPA01',
    title: 'User signed in',
    description: 'An identity provider said who somebody is, and they were let in.',
    severity: 'I',
    outcome: 'success',
  },
  'user.sign_in_failed': {
    number: 'SPA02',
    title: 'Sign-in failed',
    description: 'Somebody came back from an identity provider, or never did, and was not let in.',
    severity: 'W',
    outcome: 'failure',
    errorClass: 'unauthenticated',
  },
  'user.signed_out': {
    number: 'SPA03',
    title: 'User signed out',
    description: 'A user signed out here, or their identity provider said that they did.',
    severity: 'I',
    outcome: 'success',
  },
  'agent.registered': {
    number: 'SPA04',
    title: 'Agent registered',
    description: 'An agent registered itself (RFC 7591).',
    severity: 'I',
    outcome: 'success',
  },
  'agent.registration_removed': {
    number: 'SPA05',
    title: 'Agent registration removed',
    description: 'The registration of an agent is gone: nobody used it, or an administrator removed it.',
    severity: 'I',
    outcome: 'success',
  },
  'agent.consented': {
    number: 'SPA06',
    title: 'User allowed an agent',
    description: 'A user let an agent act for them with the scopes it asked for.',
    severity: 'I',
    outcome: 'success',
  },
  'agent.consent_denied': {
    number: 'SPA07',
    title: 'User refused an agent',
    description: 'A user did not let an agent act for them.',
    severity: 'W',
    outcome: 'denied',
    errorClass: 'denied',
  },
  'token.issued': {
    number: 'SPA08',
    title: 'Token issued',
    description: 'An agent got its first access token of a session.',
    severity: 'I',
    outcome: 'success',
  },
  'token.refreshed': {
    number: 'SPA09',
    title: 'Token refreshed',
    description: 'An agent got a new access token for its refresh token.',
    severity: 'I',
    outcome: 'success',
  },
  'token.refused': {
    number: 'SPA10',
    title: 'Token refused',
    description: 'An agent asked for a token and got none.',
    severity: 'W',
    outcome: 'denied',
    errorClass: 'unauthenticated',
  },
  'token.revoked': {
    number: 'SPA11',
    title: 'Agent session ended',
    description: 'The tokens of an agent session are worth nothing any more.',
    severity: 'I',
    outcome: 'success',
  },
  'limit.exceeded': {
    number: 'SPA12',
    title: 'Limit exceeded',
    description: 'Somebody asked the authorization server more often than a limit allows.',
    severity: 'W',
    outcome: 'denied',
    errorClass: 'limited',
  },
  'signing_key.created': {
    number: 'SPA13',
    title: 'Signing key created',
    description: 'A key that signs tokens was made.',
    severity: 'I',
    outcome: 'success',
  },
  'administrator.request': {
    number: 'SPC01',
    title: 'Administrator request',
    description: 'An administrator asked for something of the admin API and may have it.',
    severity: 'I',
    outcome: 'success',
  },
  'administrator.refused': {
    number: 'SPC02',
    title: 'Administrator refused',
    description: 'Somebody asked for something of the admin API that their roles do not allow.',
    severity: 'W',
    outcome: 'denied',
    errorClass: 'denied',
  },
  'administrator.break_glass': {
    number: 'SPC03',
    title: 'Break-glass token used',
    description: 'The administrator token, which is for emergencies, was used.',
    severity: 'W',
    outcome: 'success',
  },
  'configuration.changed': {
    number: 'SPC04',
    title: 'Configuration changed',
    description: 'Documents were put or removed; the revision they came with applies from here on.',
    severity: 'I',
    outcome: 'success',
  },
  'configuration.drifted': {
    number: 'SPC05',
    title: 'Configuration drifted',
    description: 'Somebody changed a document that belongs to a set kept as code.',
    severity: 'W',
    outcome: 'success',
  },
  'revocation.created': {
    number: 'SPC06',
    title: 'Access revoked',
    description: 'A user, a session, an agent or a connection was ended at once.',
    severity: 'I',
    outcome: 'success',
  },
  'connection.created': {
    number: 'SPC07',
    title: 'Account connected',
    description: 'A user connected an account at a server, or connected it anew.',
    severity: 'I',
    outcome: 'success',
  },
  'connection.consented': {
    number: 'SPC08',
    title: 'User allowed a connection',
    description: 'A user let an agent use the account they connected at a server.',
    severity: 'I',
    outcome: 'success',
  },
  'connection.removed': {
    number: 'SPC09',
    title: 'Account disconnected',
    description: 'A connection and its credential were removed.',
    severity: 'I',
    outcome: 'success',
  },
  'connection.revoked_upstream': {
    number: 'SPC10',
    title: 'Removed credential revoked',
    description: 'What is left of a removed connection was, or could not be, revoked where it was issued.',
  },
  'lease.refused': {
    number: 'SPC11',
    title: 'Credential refused',
    description: 'A gateway asked for the credential of a permitted call and got none.',
    severity: 'W',
    outcome: 'denied',
    errorClass: 'credential',
  },
  'agent.registration_removal_requested': {
    number: 'SPC12',
    title: 'Removal of a registration requested',
    description: 'An administrator wants the registration of an agent gone.',
    severity: 'I',
    outcome: 'success',
  },
  'signing_key.rotation_requested': {
    number: 'SPC13',
    title: 'Rotation of signing keys requested',
    description: 'An administrator wants a new signing key.',
    severity: 'I',
    outcome: 'success',
  },
  'signing_key.withdrawn': {
    number: 'SPC14',
    title: 'Signing key withdrawn',
    description: 'An administrator ended a signing key: what it signed is worth nothing any more.',
    severity: 'W',
    outcome: 'success',
  },
  'vault_key.created': {
    number: 'SPC15',
    title: 'Vault key created',
    description: 'A key that seals what is stored was made.',
    severity: 'I',
    outcome: 'success',
  },
  'vault_key.removed': {
    number: 'SPC16',
    title: 'Vault key removed',
    description: 'A key that nothing is sealed with any more was removed.',
    severity: 'W',
    outcome: 'success',
  },
  'audit.checkpoint': {
    number: 'SPC17',
    title: 'Checkpoint of the trail',
    description: 'What the events of one writer that arrived until then come to, signed: it proves them.',
    severity: 'I',
    outcome: 'success',
  },
  'audit.records_missing': {
    number: 'SPC18',
    title: 'Records missing',
    description: 'A writer numbered records that did not arrive: they were lost on the way, or taken away there.',
    severity: 'E',
    outcome: 'failure',
    errorClass: 'unrecorded',
  },
  'audit.key_created': {
    number: 'SPC19',
    title: 'Audit key created',
    description: 'A key that signs checkpoints of the trail was made; it signs from here on.',
    severity: 'I',
    outcome: 'success',
  },
  'log_stream.tested': {
    number: 'SPC20',
    title: 'Log stream tested',
    description: 'An administrator asked for this event, to see whether a log stream arrives. It is in no trail.',
    severity: 'I',
    outcome: 'success',
  },
  'event_export.created': {
    number: 'SPC21',
    title: 'Export of events made',
    description: 'An administrator made an export of the trail: of the events that its filter lets through.',
    severity: 'I',
    outcome: 'success',
  },
  'event_export.downloaded': {
    number: 'SPC22',
    title: 'Export of events downloaded',
    description: 'An administrator began to download an export of the trail, or went on with it.',
    severity: 'I',
    outcome: 'success',
  },
  'connection.refreshed': {
    number: 'SPW01',
    title: 'Credential refreshed',
    description: 'A connection has a new token from its provider.',
    severity: 'I',
    outcome: 'success',
  },
  'connection.refresh_failed': {
    number: 'SPW02',
    title: 'Credential not obtained',
    description: 'A provider gave no token, for a connection that was to be made or kept; it is tried again.',
    severity: 'W',
    outcome: 'failure',
    errorClass: 'credential',
  },
  'connection.needs_reconnect': {
    number: 'SPW03',
    title: 'Account to be connected again',
    description: 'A provider will not refresh a connection any more: its user has to connect the account again.',
    severity: 'W',
    outcome: 'failure',
    errorClass: 'connect_required',
  },
  'credential-provider.paused': {
    number: 'SPW04',
    title: 'Credential provider paused',
    description: 'A provider fails for everybody, and is left alone but for a probe from time to time.',
    severity: 'E',
    outcome: 'failure',
    errorClass: 'credential',
  },
  'credential-provider.resumed': {
    number: 'SPW05',
    title: 'Credential provider resumed',
    description: 'A provider that was paused answers again.',
    severity: 'I',
    outcome: 'success',
  },
  'client-registration.dropped': {
    number: 'SPW06',
    title: 'Our registration dropped',
    description: 'A provider no longer knows our registration; the next connect makes a new one.',
    severity: 'W',
    outcome: 'failure',
    errorClass: 'credential',
  },
} as const satisfies Record<AuditEventType, EventKind>;

/** The short code of an event, for example `SPG02E`. */
export function codeOf(type: AuditEventType, outcome: Outcome | undefined): string {
  const { number, severity }: EventKind = EVENT_KINDS[type];
  return `${number}${severity ?? SEVERITIES[outcome ?? 'success']}`;
}
