import type { AuditEvent } from '../audit-event.js';
import { present } from './details.js';
import type { Details } from './details.js';
import type { EntityType } from './mappings.js';

interface Named {
  readonly uid?: string | undefined;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
}

/** What names an entity of each type: facts of the event itself. */
const NAMES: Readonly<Record<EntityType, (event: AuditEvent, details: Details) => Named>> = {
  Tool: ({ server, tool }, details) => ({
    uid: tool === undefined ? undefined : `${server ?? ''}::${tool}`,
    name: details.text('tool') ?? tool,
  }),
  Agent: ({ clientId, agentName }) => ({ uid: clientId, name: agentName }),
  'Signing key': (_, details) => ({ uid: details.text('kid') ?? details.text('created') }),
  'Vault key': (_, details) => ({ uid: details.text('keyId') }),
  'Audit key': (_, details) => ({ uid: details.text('publicKey') }),
  Checkpoint: (_, details) => ({ uid: details.text('ofWriter'), version: details.integer('number')?.toString() }),
  'Log stream': (_, details) => ({ name: details.text('logStream') }),
  'Export of events': (_, details) => ({ uid: details.text('export') }),
  Configuration: (_, details) => ({ name: details.text('set'), version: details.integer('revision')?.toString() }),
  Connection: (_, details) => ({
    uid: details.text('connectionId'),
    version: details.integer('revision')?.toString(),
  }),
  'Credential provider': (_, details) => ({ name: details.text('credentialProvider') }),
  'Client registration': (_, details) => ({ uid: details.text('oauthClientId') }),
};

/** OCSF has no type of ours, and no secret is in it: a name, an id, a version. */
export function entityOf(event: AuditEvent, type: EntityType, details: Details): Record<string, unknown> {
  const { uid, name = uid ?? type, version } = NAMES[type](event, details);
  return { ...present({ uid, name, version }), type_id: 99, type };
}
