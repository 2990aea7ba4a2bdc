import { z } from 'zod';
import type { System } from './system.js';

const Event = z.looseObject({
  sequence: z.coerce.number(),
  id: z.string(),
  type: z.string(),
  userId: z.string().nullish(),
  clientId: z.string().nullish(),
  sid: z.string().nullish(),
  server: z.string().nullish(),
  detail: z.looseObject({ method: z.string().nullish() }).nullish(),
});
export type Event = z.infer<typeof Event>;

const SigningKeys = z.object({
  keys: z.array(
    z.object({
      kid: z.string(),
      purpose: z.string(),
      algorithm: z.string(),
      state: z.enum(['next', 'active', 'retiring', 'withdrawn']),
    }),
  ),
});

/** The administrator's API, as a program would use it. */
export function administrator(system: Pick<System, 'controlPlaneUrl' | 'adminToken'>) {
  const request = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${system.controlPlaneUrl}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${system.adminToken}`, 'content-type': 'application/json' },
    });
    if (!response.ok)
      throw new Error(`${init.method ?? 'GET'} ${path} answered ${response.status}: ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
  return {
    async events(query: Record<string, string> = {}): Promise<Event[]> {
      const events: Event[] = [];
      for (let after = query['after'] ?? '0'; ;) {
        const page = z
          .looseObject({ events: z.array(Event) })
          .parse(await request(`/v1/events?${new URLSearchParams({ ...query, after, limit: '200' })}`)).events;
        events.push(...page);
        const last = page.at(-1);
        if (last === undefined || page.length < 200) return events;
        after = String(last.sequence);
      }
    },
    signingKeys: async () => SigningKeys.parse(await request('/v1/signing-keys')).keys,
    rotateSigningKeys: (body: Record<string, unknown>) =>
      request('/v1/signing-keys/rotations', { method: 'POST', body: JSON.stringify(body) }),
    withdrawSigningKey: (body: Record<string, unknown>) =>
      request('/v1/signing-keys/withdrawals', { method: 'POST', body: JSON.stringify(body) }),
    revoke: (body: Record<string, unknown>) =>
      request('/v1/revocations', { method: 'POST', body: JSON.stringify(body) }),
  };
}
