import { codeOf, EVENT_KINDS, Outcome, SEVERITIES } from '@sallyport/audit';
import type { AuditEventType, ErrorClass, EventKind, Severity } from '@sallyport/audit';
import { DETAIL_MEANINGS, exampleEvent } from '@sallyport/audit/testing';

/** What each field of every event is. */
export const FIELDS: Readonly<Record<string, string>> = {
  id: 'stable: the same event has the same id wherever it turns up',
  type: 'what happened, below',
  code: 'number of the type and severity, for example `SPG02E`',
  at: 'when, in milliseconds since 1970 (UTC), by the clock of the process that wrote it',
  userId: 'the user, as the access token names them; absent where nobody could be identified',
  userName: 'their name at the identity provider, or their e-mail address',
  trustProvider: 'the identity provider they signed in with',
  clientId: 'the agent, an OAuth client',
  agentName: "the agent's name",
  sid: 'the agent session',
  server: 'the server, by its name in the configuration',
  serverTitle: 'its title',
  account: 'whose account at the server the credential is, as its provider names it',
  tool: "the server's own name of the tool",
  outcome: 'what came of it: `success`, `failure`, `denied` or `pending`',
  errorClass: 'what went wrong, in one word, below',
  address: "the agent's or the user's address, through the proxies that are trusted",
  traceId: 'of the trace the agent said the call belongs to (W3C Trace Context)',
  replica: 'the process that wrote it',
  writer: 'that process since it started: whoever numbered the record',
  n: 'the number of the record among all of its writer, from 1 on; both events of a call have the same',
  detail: 'what else there is to say about an event of this type',
};

export const ERROR_CLASSES: Readonly<Record<ErrorClass, string>> = {
  unauthenticated: 'nobody, or a token that is not good',
  denied: 'a policy, a user or a permission said no; also what is not there for this caller',
  scopes_missing: 'the token lacks scopes that its user can grant',
  connect_required: 'the user has to connect an account first, or anew',
  input_required: 'the server sends the user to a page first',
  invalid_request: 'the request is not as the protocol has it',
  limited: 'more than a limit allows',
  unavailable: 'we could not vouch for a decision or a record just now',
  credential: 'policy allows it, and there is no credential that does',
  server_unavailable: 'the server did not answer, or not in MCP',
  server_error: 'the server answered with an error',
  tool_error: 'the tool said in its result that it failed',
  ended: 'the call was ended while it ran: cancelled, revoked, expired',
  client_gone: 'the agent did not wait for the answer',
  unrecorded: 'it ran, and its record could not be written',
  internal: 'something of ours broke',
};

const kinds = Object.entries(EVENT_KINDS) as [AuditEventType, EventKind][];
const plain = (text: string) => text.replaceAll('|', '\\|');

const severityOf = ({ severity }: EventKind): readonly Severity[] =>
  severity === undefined ? [...new Set(Outcome.options.map((outcome) => SEVERITIES[outcome]))].toSorted() : [severity];

const codesOf = (kind: EventKind): string =>
  severityOf(kind)
    .map((letter) => `\`${kind.number}${letter}\``)
    .join(' ');

const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(plain).join(' | ')} |`).join('\n');

/** Members of the detail of the example, which have to be explained. */
export const detailsOf = (type: AuditEventType): string[] => Object.keys(exampleEvent(type).detail);

function sectionOf([type, kind]: [AuditEventType, EventKind]): string {
  const details = detailsOf(type).map((name) => [`\`${name}\``, DETAIL_MEANINGS[name] ?? '']);
  const outcome = kind.outcome === undefined ? '' : ` Outcome: \`${kind.outcome}\`.`;
  return [
    `### \`${type}\``,
    `${codesOf(kind)} **${kind.title}.** ${kind.description}${outcome}`,
    ...(details.length === 0 ? [] : [tableOf(['detail', 'what it is'], details)]),
    `\`\`\`json\n${JSON.stringify(exampleEvent(type), null, 2)}\n\`\`\``,
  ].join('\n\n');
}

/** `docs/events.md`. */
export const renderEvents = (): string => `# Events

The trail has a line for each thing that happened: an event. Administrators read it with \`sallyport events\`
and at \`GET /v1/events\` ([reading the trail](reading-events.md)). This page lists every type of event with its fields and an
example; it comes from the code (\`libs/background/audit\`, \`npm test -- unit tools/documents -u\`).

A call is two events, which have \`callId\` in common: \`mcp.request\` says what was asked for and decided, \`mcp.response\` what came of it.
No event has a secret in it. What was asked with and answered is a third event, \`mcp.content\`, where policies say so
([\`record\`](policies.md#what-the-trail-has-of-arguments-and-results)), and nowhere else. Names stand beside ids as they were when the event was stored; where
the control plane did not know one, the field is absent. Events that an older version stored have no code, outcome, names and
address; \`tool\` and \`traceId\` of its calls are \`target\` and \`traceId\` in the detail.

## Fields of every event

${tableOf(
  ['field', 'what it is'],
  Object.entries(FIELDS).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}

## Codes

A code is \`SP\`, a letter for the service whose matter it is, two digits and a severity, for example \`${codeOf('mcp.response', 'failure')}\`. The
number of a type never changes, and is never used again for another one. The letters are G for the gateway, A for the authorization
server, C for the control plane, W for the token refresh worker; which process wrote an event is its \`replica\`. The severity is I
(information), W (warning) or E (error). Where the type does not say it, the outcome does:
${Outcome.options.map((outcome) => `\`${outcome}\` is ${SEVERITIES[outcome]}`).join(', ')}.

${tableOf(
  ['code', 'type', 'title'],
  kinds.map(([type, kind]) => [codesOf(kind), `[\`${type}\`](#${type.replaceAll('.', '')})`, kind.title]),
)}

## What went wrong

\`errorClass\` is one of these; \`reason\` in the detail says more, and [troubleshooting](troubleshooting.md) what to do about it.

${tableOf(
  ['class', 'means'],
  Object.entries(ERROR_CLASSES).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}

## Types

${kinds.map(sectionOf).join('\n\n')}
`;
