import { createEndIdentitySessions } from '../lifecycle/end-identity-sessions.js';
import { createEndSession } from '../lifecycle/end-session.js';
import { AgentSessions } from '../storage/agent-sessions.js';
import { ArtifactStore } from '../storage/artifact-store.js';
import { DynamicRegistrations } from '../storage/dynamic-registrations.js';
import { IdentitySessions } from '../storage/identity-sessions.js';
import { StoredSecrets } from '../storage/stored-secrets.js';
import { Users } from '../storage/users.js';
import type { Foundation } from './foundation.js';

export type Storage = ReturnType<typeof createStorage>;

/** What is kept in the database, and how a session that is kept there ends. */
export function createStorage({ database, vault, configuration, recorder, clock }: Foundation) {
  const { record } = recorder;
  const store = new ArtifactStore(database, vault.sealer, clock);
  const sessions = new AgentSessions(database);
  const identities = new IdentitySessions(database, vault.sealer, clock);
  const endSession = createEndSession({ store, sessions, record });
  return {
    store,
    sessions,
    identities,
    users: new Users(database),
    secrets: new StoredSecrets(database, vault.sealer),
    registrations: new DynamicRegistrations({ configuration, database, endSession, record, clock }),
    endSession,
    endIdentitySessions: createEndIdentitySessions({ identities, record }),
  };
}
