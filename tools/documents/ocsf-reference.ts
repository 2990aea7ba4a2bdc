import { AuditEventType } from '@sallyport/audit';
import { CLASSES, MAPPINGS, OCSF_VERSIONS, toOcsf } from '@sallyport/audit/ocsf';
import { exampleEvent } from '@sallyport/audit/testing';

function rowOf(type: AuditEventType): string {
  const mapping = MAPPINGS[type];
  const { caption, uid } = CLASSES[mapping.class];
  const activity = typeof mapping.activity === 'string' ? mapping.activity : `Other: ${mapping.activity.other}`;
  const about = mapping.class === 'entityManagement' ? mapping.entity : '';
  return `| \`${type}\` | ${caption} ${uid} | ${activity === 'byMethod' ? 'by method' : activity} | ${about} |`;
}

const exampleOf = (type: AuditEventType) =>
  `\`\`\`json\n${JSON.stringify(toOcsf({ ...exampleEvent(type), sequence: 90_412 }, '1.9.0'), null, 2)}\n\`\`\``;

/** `docs/ocsf.md`. */
export const renderOcsf = (): string => `# Events in OCSF

[Events](events.md) have a shape of our own. A log stream with \`shape: { ocsf: 1.8.0 }\` sends them in that of the Open Cybersecurity Schema
Framework, in version ${Object.keys(OCSF_VERSIONS).join(' or ')} (\`toOcsf\` in \`libs/background/audit/src/ocsf/\`). Every type of event is checked against the
schema of both. OCSF 1.9 is not published yet: \`1.9.0\` is its state of development, and \`metadata.version\` says so (\`${OCSF_VERSIONS['1.9.0']}\`).
This page comes
from the code (\`npm test -- unit tools/documents -u\`).

## What an event is

| type | class | activity | entity |
| --- | --- | --- | --- |
${AuditEventType.options.map(rowOf).join('\n')}

By method: MCP's lists, \`resources/read\`, \`prompts/get\`, and \`GET\` are Read; \`PUT\` and \`PATCH\` are Update, \`DELETE\` is Delete. Any other
one is Other (99), and \`activity_name\` is the method: what a tool does is not known from it.

OCSF 1.9 calls User Access Management deprecated; it is still in both versions, and is used for both.

## Where things are

| ours | in OCSF |
| --- | --- |
| \`id\`, \`type\`, \`code\`, \`at\` | \`metadata.uid\`, \`metadata.type\`, \`metadata.event_code\`, \`time\` and \`metadata.original_time\` |
| place in the store | \`metadata.sequence\` |
| \`callId\` | \`metadata.correlation_uid\`, the same in the request and the response of one call |
| \`replica\`, \`writer\` | \`metadata.loggers\` |
| severity I, W, E | \`severity_id\` 1 Informational, 2 Low, 3 Medium |
| \`outcome\` | \`status_id\` 1 Success; 2 Failure, also for \`denied\`; 99 Pending. Of a finding 1 New |
| \`errorClass\`, \`reason\` | \`status_code\`, \`status_detail\`; also \`action_id\` and \`disposition_id\` |
| user, agent, session, identity provider | \`actor.user\`, \`actor.app_uid\` and \`app_name\`, \`actor.session\`, \`actor.idp\` |
| the agent, as what acts | \`ai_agent\` from 1.9 on; in 1.8 \`unmapped.ai_agent\` |
| \`decision\` and \`policies\` | \`actor.authorizations\`, one for each hop |
| \`address\` | \`src_endpoint.ip\` |
| method, server, answer | \`api.operation\`, \`api.service\`, \`api.response\`, \`http_response\` |
| tool, server, account at the server | \`resources\`, of API Activity and User Access Management |
| \`traceId\` | \`trace.uid\`, of API Activity |
| anything else | \`unmapped\`, under the name that [events](events.md) have for it |

A user or an endpoint that OCSF requires and nobody knows has the name \`Unknown\`. Latencies are in \`unmapped\`: since 1.9 \`duration\` is only
for events that are summed up; \`http_response.latency\` is \`durationMs\` in whole milliseconds.

The profiles are \`security_control\`, \`trace\` (API Activity) and, from 1.9 on, \`ai_operation\`; \`metadata.profiles\` names those an
event uses. A checkpoint is about many events, and so is no attestation of one: \`record_integrity\` is not used.

## A call

${exampleOf('mcp.response')}

## A sign-in that failed

${exampleOf('user.sign_in_failed')}

## The schema the tests check against

The parts of the schema that are used are in \`libs/background/audit/src/ocsf/testing/\`, as JSON Schema, each with the commit of
\`github.com/ocsf/ocsf-schema\` (Apache-2.0) it was made of. An attribute that does not exist is refused, and so is one of a profile that
the event does not name. To make them again, check that commit out and run \`node tools/ocsf/main.mjs CHECKOUT COMMIT VERSION\`.
`;
