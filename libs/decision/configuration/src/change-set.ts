import { z } from 'zod';
import { Document } from './documents.js';

/**
 * Everything issued before `notBefore` (seconds since the epoch) to this subject is void. A revocation outlives the
 * longest token plus skew; `expiresAt` says when it may be forgotten, `null` that it is permanent (security rule S28).
 */
export const Revocation = z.object({
  id: z.string(),
  subject: z.discriminatedUnion('type', [
    z.object({ type: z.literal('user'), userId: z.string() }),
    z.object({ type: z.literal('agent'), clientId: z.string() }),
    z.object({ type: z.literal('user-agent'), userId: z.string(), clientId: z.string() }),
    z.object({ type: z.literal('session'), sid: z.string() }),
    z.object({ type: z.literal('connection'), connectionId: z.string() }),
    z.object({ type: z.literal('server'), server: z.string() }),
    z.object({ type: z.literal('signing-key'), kid: z.string() }),
  ]),
  notBefore: z.int(),
  expiresAt: z.int().nullable(),
});
export type Revocation = z.infer<typeof Revocation>;
export type RevocationSubject = Revocation['subject'];

const FormerKind = z.object({ subject: z.object({ type: z.literal('mcp-session') }) });
/** Entries that earlier versions signed may carry ends of MCP sessions; these travel on their own now, and are passed over. */
const Revocations = z.preprocess(
  (list) => (Array.isArray(list) ? list.filter((one) => !FormerKind.safeParse(one).success) : list),
  z.array(Revocation),
);

/** One step of the configuration log, applied wholly or not at all (security rule S27). Travels as a compact JWS (EdDSA). */
export const ChangeSet = z.object({
  v: z.literal(1),
  type: z.literal('change'),
  epoch: z.string(),
  revision: z.int().min(1),
  puts: z.array(Document),
  deletes: z.array(z.object({ kind: z.string(), name: z.string() })),
  revocations: Revocations,
});
export type ChangeSet = z.infer<typeof ChangeSet>;

/** A piece of a complete picture as of `revision`; a base is usable once all `chunks` of one epoch and revision are there. */
export const BaseChunk = z.object({
  v: z.literal(1),
  type: z.literal('base'),
  epoch: z.string(),
  revision: z.int().min(0),
  chunk: z.int().min(0),
  chunks: z.int().min(1),
  puts: z.array(Document),
  revocations: Revocations,
});
export type BaseChunk = z.infer<typeof BaseChunk>;

/** Sent each second: proof that the newest revision is `revision` as of `issuedAt` (milliseconds since the epoch). */
export const Heartbeat = z.object({
  v: z.literal(1),
  type: z.literal('heartbeat'),
  epoch: z.string(),
  revision: z.int().min(0),
  issuedAt: z.int(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

export const LogEntry = z.discriminatedUnion('type', [ChangeSet, BaseChunk, Heartbeat]);
export type LogEntry = z.infer<typeof LogEntry>;
