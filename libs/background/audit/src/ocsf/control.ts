import type { AuditEventType, ErrorClass, Outcome } from '../event-types.js';

const ACTIONS = { Unknown: 0, Allowed: 1, Denied: 2 } as const;
const DISPOSITIONS = {
  Allowed: 1,
  Blocked: 2,
  Approved: 8,
  Delayed: 14,
  Challenge: 23,
  'Access Revoked': 24,
  Rejected: 25,
  Error: 27,
} as const;
/** OCSF has none like it, id 99: a call that was cancelled or revoked while it ran, or whose agent went away. */
const OTHER_DISPOSITION = 'Ended';

type Control = readonly [action: keyof typeof ACTIONS, disposition: keyof typeof DISPOSITIONS | 'Ended'];

const OF_ERRORS: Readonly<Record<ErrorClass, Control>> = {
  unauthenticated: ['Denied', 'Blocked'],
  denied: ['Denied', 'Blocked'],
  scopes_missing: ['Denied', 'Challenge'],
  connect_required: ['Denied', 'Challenge'],
  input_required: ['Allowed', 'Delayed'],
  invalid_request: ['Unknown', 'Error'],
  limited: ['Denied', 'Blocked'],
  unavailable: ['Denied', 'Error'],
  credential: ['Denied', 'Error'],
  server_unavailable: ['Allowed', 'Error'],
  server_error: ['Allowed', 'Error'],
  tool_error: ['Allowed', 'Error'],
  ended: ['Allowed', 'Ended'],
  client_gone: ['Allowed', 'Ended'],
  unrecorded: ['Allowed', 'Error'],
  internal: ['Unknown', 'Error'],
};

/** Where somebody said yes or no, OCSF has a word for it. */
const OF_TYPES: Partial<Readonly<Record<AuditEventType, Control>>> = {
  'agent.consented': ['Allowed', 'Approved'],
  'agent.consent_denied': ['Denied', 'Rejected'],
  'connection.consented': ['Allowed', 'Approved'],
  'revocation.created': ['Denied', 'Access Revoked'],
};

/** Action and disposition (profile `security_control`); none where nothing is known of the outcome. */
export function controlOf(
  type: AuditEventType,
  outcome: Outcome | undefined,
  errorClass: ErrorClass | undefined,
): Record<string, number | string> | undefined {
  const control = OF_TYPES[type] ?? (errorClass && OF_ERRORS[errorClass]);
  if (control === undefined && outcome !== 'success') return undefined;
  const [action, disposition] = control ?? (['Allowed', 'Allowed'] as const);
  return {
    action_id: ACTIONS[action],
    action,
    disposition_id: disposition === OTHER_DISPOSITION ? 99 : DISPOSITIONS[disposition],
    disposition,
  };
}
