import { createAdminClient, type AdminClient, type Called } from '@sallyport/admin-api';
import type { StoredEvent } from '@sallyport/admin-api/events';
import { Secret } from '@sallyport/kernel';
import type { System } from './system.js';

type EventQuery = Called<'listEvents'>['query'];
const PAGE = 200;

/** The client of the administrators' API, with the system's token. */
export const adminClient = ({ controlPlaneUrl, adminToken }: Pick<System, 'controlPlaneUrl' | 'adminToken'>) =>
  createAdminClient({ url: controlPlaneUrl, token: new Secret(adminToken) });

/**
 * Writes the demonstration's policy for `whoami`, with other rules or under conditions. Answered once it is in force
 * everywhere.
 */
export const writeWhoamiPolicy = (client: AdminClient, more: object) =>
  client.applyChangeSet({
    query: { wait: 'live' },
    body: {
      set: null,
      takeOver: true,
      documents: [
        {
          kind: 'AccessPolicy',
          name: 'whoami-for-employees',
          spec: {
            hop: 'gateway-to-server',
            server: 'whoami',
            users: { trustProvider: 'demo', groups: ['engineering', 'sales', 'admins'] },
            credentialProvider: 'whoami-token',
            tools: [{ match: ['whoami'], scope: 'whoami.read' }],
            ...more,
          },
        },
      ],
    },
  });

/** An administrator, as a program would be one. */
export function administrator(system: Pick<System, 'controlPlaneUrl' | 'adminToken'>) {
  const client: AdminClient = adminClient(system);
  return {
    /** All events that the query finds, page by page, oldest first. */
    async events(query: EventQuery = {}): Promise<StoredEvent[]> {
      const all: StoredEvent[] = [];
      for (let after = query.after ?? '0'; ;) {
        const { events } = await client.listEvents({ query: { ...query, after, limit: String(PAGE) } });
        all.push(...events);
        const last = events.at(-1);
        if (last === undefined || events.length < PAGE) return all;
        after = String(last.sequence);
      }
    },
    signingKeys: async () => (await client.listSigningKeys()).keys,
    rotateSigningKeys: (body: Called<'rotateSigningKeys'>['body']) => client.rotateSigningKeys({ body }),
    withdrawSigningKey: (body: Called<'withdrawSigningKey'>['body']) => client.withdrawSigningKey({ body }),
    revoke: (body: Called<'revoke'>['body']) => client.revoke({ body }),
  };
}
