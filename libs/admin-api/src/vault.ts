import { z } from 'zod';
import { idempotent, Moment, Reason } from './fields.js';
import { route } from './route.js';

const VaultKey = z.object({
  id: z.string(),
  state: z.enum(['next', 'sealing', 'retired']),
  /** `null`: it is a key of the file itself. */
  wrappedBy: z.string().nullable(),
  createdAt: Moment.nullable(),
  sealsFrom: Moment.nullable(),
  /** How many records it sealed, by table, e.g. `{ "Connection": 12 }`. */
  records: z.record(z.string(), z.int()),
  /** Nothing refers to it, and what it sealed outside the database (links, cookies) has expired. */
  isRemovable: z.boolean(),
});
export const VaultRotation = z.object({
  keys: z.array(VaultKey),
  total: z.int(),
  /** How many records another key than the sealing one sealed. */
  remaining: z.int(),
  isComplete: z.boolean(),
});
export type VaultRotation = z.infer<typeof VaultRotation>;

export const vaultRoutes = {
  readVaultRotation: route({
    method: 'GET',
    path: '/v1/vault/rotation',
    permission: 'vault:read',
    summary: 'Reads the vault keys, what each sealed, and how much is left to seal with the current one.',
    answers: { 200: VaultRotation },
  }),
  rotateVaultKey: route({
    method: 'POST',
    path: '/v1/vault/rotation',
    permission: 'vault:rotate',
    summary: 'Makes a vault key: 201 when it will seal in a moment, 200 when one is on its way already.',
    headers: idempotent,
    body: z.strictObject({ reason: Reason.optional() }).prefault({}),
    answers: { 201: VaultRotation, 200: VaultRotation },
  }),
  removeVaultKey: route({
    method: 'POST',
    path: '/v1/vault/removals',
    permission: 'vault:remove-key',
    summary: 'Removes a vault key that nothing refers to.',
    headers: idempotent,
    body: z.strictObject({ keyId: z.string().regex(/^[0-9a-f]{16}$/), reason: Reason.optional() }),
    answers: { 200: VaultRotation },
    problems: {
      404: 'There is no such vault key; keys of a key file are taken out of the file.',
      409: 'The vault key is in use, or was until less than an hour ago.',
    },
  }),
};
