import { z } from 'zod';
import { idempotent, Moment, Reason, text } from './fields.js';
import { route } from './route.js';

const Purpose = z.enum(['access-token', 'downstream-token']);

/** One of the authorization server's signing keys. Nothing of it is secret. */
const SigningKey = z.object({
  kid: z.string(),
  purpose: z.string(),
  algorithm: z.string(),
  state: z.enum(['next', 'active', 'retiring', 'withdrawn']),
  createdAt: Moment,
  /** The key is published from its making on, and signs from here on. */
  signsFrom: Moment,
  /** The key is accepted until then; `null` while no successor is known. */
  withdrawnAt: Moment.nullable(),
});
const SigningKeys = z.object({ keys: z.array(SigningKey) });

export const RotationRequest = z.strictObject({
  purposes: z
    .array(Purpose)
    .min(1)
    .default([...Purpose.options]),
  /**
   * Keys made before this moment get a successor; now, when it is left out. A request that may be repeated names it.
   */
  olderThan: z.iso.datetime({ offset: true }).optional(),
  reason: Reason.optional(),
});
export type RotationRequest = z.infer<typeof RotationRequest>;

export const WithdrawalRequest = z.strictObject({ kid: text(64), reason: Reason.optional() });
export type WithdrawalRequest = z.infer<typeof WithdrawalRequest>;

export const signingKeyRoutes = {
  listSigningKeys: route({
    method: 'GET',
    path: '/v1/signing-keys',
    permission: 'signing-keys:read',
    summary: 'Lists every signing key there was, by purpose, the newest first.',
    answers: { 200: SigningKeys },
  }),
  rotateSigningKeys: route({
    method: 'POST',
    path: '/v1/signing-keys/rotations',
    permission: 'signing-keys:rotate',
    summary: 'Makes successors of signing keys: 201 once they are published, 200 when there was nothing to make.',
    headers: idempotent,
    body: RotationRequest.prefault({}),
    answers: { 201: SigningKeys, 200: SigningKeys },
    problems: { 503: 'The authorization server cannot rotate its keys now.' },
  }),
  withdrawSigningKey: route({
    method: 'POST',
    path: '/v1/signing-keys/withdrawals',
    permission: 'signing-keys:withdraw',
    summary: 'Withdraws a signing key: 201 once that is on the bus, 200 when it was withdrawn before.',
    headers: idempotent,
    body: WithdrawalRequest,
    answers: { 201: SigningKey, 200: SigningKey },
    problems: {
      404: 'There is no such signing key.',
      503: 'The withdrawal is recorded, and will be in force as soon as the bus is reachable.',
    },
  }),
};
