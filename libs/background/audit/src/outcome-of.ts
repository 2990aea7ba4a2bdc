import type { CallRecord, LifecycleRecord } from '@sallyport/messages';
import { EVENT_KINDS } from './event-types.js';
import type { ErrorClass, EventKind, Outcome } from './event-types.js';

/** What came of something, and what went wrong where something did. */
export interface Came {
  /** None where many events are summed up. */
  readonly outcome?: Outcome | undefined;
  readonly errorClass?: ErrorClass | undefined;
}

/** What an error of this class means for what was attempted. */
const OUTCOMES: Readonly<Record<ErrorClass, Outcome>> = {
  unauthenticated: 'denied',
  denied: 'denied',
  scopes_missing: 'pending',
  connect_required: 'pending',
  input_required: 'pending',
  invalid_request: 'failure',
  limited: 'denied',
  unavailable: 'failure',
  credential: 'failure',
  server_unavailable: 'failure',
  server_error: 'failure',
  tool_error: 'failure',
  ended: 'failure',
  client_gone: 'failure',
  unrecorded: 'failure',
  internal: 'failure',
};

/** The first word of a call's reason: the type of the gateway's refusal, or how the call came to an end. */
const CLASSES = new Map<string, ErrorClass>([
  ['not-ready', 'unavailable'],
  ['too-many', 'limited'],
  ['too-often', 'limited'],
  ['session-not-ended', 'limited'],
  ['missing-capability', 'invalid_request'],
  ['visit-required', 'input_required'],
  ['server-unavailable', 'server_unavailable'],
  ['server-error', 'server_error'],
  ['credential-refused', 'credential'],
  ['ended', 'ended'],
  ['unrecorded', 'unrecorded'],
  ['client_gone', 'client_gone'],
  ['internal_error', 'internal'],
]);
/** Of a server that answers, with a credential that does not do. */
const CREDENTIAL = /^server-unavailable:(?:credential-|scopes-missing)/;

const OF_DECISIONS: Readonly<Record<Exclude<CallRecord['decision'], 'allow'>, ErrorClass>> = {
  deny: 'denied',
  step_up: 'scopes_missing',
  connect_required: 'connect_required',
  unauthenticated: 'unauthenticated',
  invalid: 'invalid_request',
};

/** What came of a call. */
export function outcomeOfCall(call: CallRecord): Came {
  const { decision } = call;
  const errorClass = classOfReason(call) ?? (decision === 'allow' ? classOfAnswer(call) : OF_DECISIONS[decision]);
  return errorClass === undefined ? { outcome: 'success' } : { outcome: OUTCOMES[errorClass], errorClass };
}

function classOfAnswer({ isToolError, errorCode, httpStatus }: CallRecord): ErrorClass | undefined {
  if (isToolError === true) return 'tool_error';
  return errorCode !== undefined || httpStatus >= 400 ? 'internal' : undefined;
}

function classOfReason({ reason = '', decision }: CallRecord): ErrorClass | undefined {
  if (decision === 'unauthenticated') return undefined;
  if (CREDENTIAL.test(reason)) return 'credential';
  const end = reason.indexOf(':');
  return CLASSES.get(end === -1 ? reason : reason.slice(0, end));
}

/** What was decided of a call, before it ran. */
export const outcomeOfRequest = (call: CallRecord): Came =>
  call.decision === 'allow' ? { outcome: 'success' } : outcomeOfCall(call);

/** What came of anything else. */
export function outcomeOfStep({ type, detail }: LifecycleRecord): Came {
  if (type === 'connection.revoked_upstream')
    return detail?.['revoked'] === false ? { outcome: 'failure', errorClass: 'credential' } : { outcome: 'success' };
  const { outcome, errorClass }: EventKind = EVENT_KINDS[type];
  return { outcome, errorClass };
}
