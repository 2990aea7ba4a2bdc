import { z } from 'zod';
import { Document } from './documents.js';

/**
 * Ends everything that was issued to a subject before `notBefore` (seconds since the epoch). `expiresAt` (seconds since
 * the epoch) is later than the end of the longest token, clock skew included; from then on a replica may forget the
 * revocation. `null` means never (security rule S28).
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
    z.object({ type: z.literal('credential-provider'), credentialProvider: z.string() }),
    z.object({ type: z.literal('signing-key'), kid: z.string() }),
  ]),
  notBefore: z.int(),
  expiresAt: z.int().nullable(),
});
export type Revocation = z.infer<typeof Revocation>;
export type RevocationSubject = Revocation['subject'];

const FormerKind = z.object({ subject: z.object({ type: z.literal('mcp-session') }) });
/**
 * Earlier versions also put the ends of MCP sessions here. They are dropped: a subject of their own carries them now.
 */
const Revocations = z.preprocess(
  (list) => (Array.isArray(list) ? list.filter((one) => !FormerKind.safeParse(one).success) : list),
  z.array(Revocation),
);

/**
 * One step of the configuration log, applied wholly or not at all (security rule S27). Its revision is that of the step
 * before plus one. `epoch` names a database: another one means that the control plane has a new or restored database.
 */
export const ChangeSet = z.object({
  v: z.literal(1),
  type: z.literal('change'),
  epoch: z.string(),
  revision: z.int().min(1),
  /** Milliseconds since the epoch; absent in what earlier versions wrote. */
  issuedAt: z.int().optional(),
  puts: z.array(Document),
  deletes: z.array(z.object({ kind: z.string(), name: z.string() })),
  revocations: Revocations,
});
export type ChangeSet = z.infer<typeof ChangeSet>;

/**
 * A part of all documents at one revision. A base is usable once all its `chunks` of one epoch and revision arrived.
 */
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

/** Sent each second: proves that `revision` was the newest at `issuedAt` (milliseconds since the epoch). */
export const Heartbeat = z.object({
  v: z.literal(1),
  type: z.literal('heartbeat'),
  epoch: z.string(),
  revision: z.int().min(0),
  issuedAt: z.int(),
});
export type Heartbeat = z.infer<typeof Heartbeat>;

/** What the configuration log carries, as a compact JWS (RFC 7515) signed with EdDSA (RFC 8037). */
export const LogEntry = z.discriminatedUnion('type', [ChangeSet, BaseChunk, Heartbeat]);
export type LogEntry = z.infer<typeof LogEntry>;
