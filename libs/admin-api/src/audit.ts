import { FINDING_KINDS } from '@sallyport/audit-chain';
import { z } from 'zod';
import { idempotent, Moment } from './fields.js';
import { route } from './route.js';

/** A key that signs checkpoints, or did. Nothing of it is secret. */
const AuditKey = z.object({
  /** Name, id and key in one text, as signed notes have it. */
  publicKey: z.string(),
  id: z.string(),
  createdAt: Moment,
  /** The newest signs; what others signed stays proved. */
  signs: z.boolean(),
});
const AuditKeys = z.object({ keys: z.array(AuditKey) });

const Checkpoint = z.object({
  number: z.int(),
  writer: z.string(),
  at: Moment,
  /** Of events that arrived after this sequence, and up to that. */
  after: z.int(),
  upTo: z.int(),
  /** Text and signature: a signed note. */
  note: z.string(),
  /** Says which event differs, where one does: sequence, number, moment (6 bytes each), SHA-256 of each; in base64. */
  entries: z.string().nullable(),
});

/** One thing that is not as the checkpoints say; `docs/audit-trail.md` has what each kind means. */
const Finding = z.object({
  kind: z.enum(FINDING_KINDS),
  /** With `to`, the first of several. */
  checkpoint: z.int().optional(),
  to: z.int().optional(),
  writer: z.string().optional(),
  n: z.int().optional(),
  sequence: z.int().optional(),
  id: z.string().optional(),
  at: Moment.optional(),
  why: z.string(),
});

const Place = z
  .string()
  .regex(/^\d{1,15}$/, 'must be the number of a checkpoint')
  .transform(BigInt)
  .prefault('0');
const Size = z
  .string()
  .regex(/^\d{1,3}$/, 'must be a number from 1 to 100')
  .transform(Number)
  .pipe(z.int().min(1).max(100))
  .prefault('50');
const Page = z.strictObject({ after: Place, limit: Size });

export const auditRoutes = {
  listAuditKeys: route({
    method: 'GET',
    path: '/v1/audit/keys',
    permission: 'events:read',
    summary: 'Lists the public keys that checkpoints of the trail are verified with, the newest first.',
    answers: { 200: AuditKeys },
  }),
  rotateAuditKey: route({
    method: 'POST',
    path: '/v1/audit/keys',
    permission: 'signing-keys:rotate',
    summary: 'Makes a key that signs checkpoints from here on. The others stay, to verify what they signed.',
    headers: idempotent,
    answers: { 201: AuditKeys },
  }),
  listCheckpoints: route({
    method: 'GET',
    path: '/v1/audit/checkpoints',
    permission: 'events:read',
    summary: 'Reads checkpoints of the trail in order, `after` the one with that number.',
    query: Page,
    /** `store` is which store this is and how far it has counted: it tells a restored backup from a removed end. */
    answers: {
      200: z.object({
        checkpoints: z.array(Checkpoint),
        store: z.object({ identity: z.string(), transactions: z.int(), sequence: z.int() }),
      }),
    },
  }),
  verifyTrail: route({
    method: 'GET',
    path: '/v1/audit/verify',
    permission: 'events:read',
    summary:
      'Compares stored events with checkpoints, a piece at a time: `last.number` as `after` is where the next ' +
      'goes on, until `isDone`. It believes its own store and keys: exports are verified elsewhere.',
    query: Page,
    answers: {
      200: z.object({
        checkpoints: z.int(),
        /** As the checkpoints say. */
        events: z.int(),
        /** Kept for as long as events are, and gone. */
        dropped: z.int(),
        /** Of an older version, which nothing proves. */
        before: z.int(),
        /** Which no checkpoint speaks of yet. */
        after: z.int(),
        findings: z.array(Finding),
        moreFindings: z.int(),
        last: z.object({ number: z.int(), at: Moment }).nullable(),
        isDone: z.boolean(),
      }),
    },
  }),
};
