import { z } from 'zod';

const Id = z.string().min(1).max(128);
/** A legacy client's session: whose it is, and until when it lasts (seconds since the epoch). */
const Session = { sessionId: Id, userId: Id, expiresAt: z.int() };
const RequestId = z.union([z.string().max(256), z.int()]);
const AnyObject = z.record(z.string(), z.unknown());

/** A digest of key and `jti`, and until when (seconds since the epoch) the proof would be recent enough. */
const SeenProof = z.tuple([z.string().regex(/^[A-Za-z0-9_-]{22}$/), z.int()]);
export type SeenProof = z.infer<typeof SeenProof>;

/**
 * On the bus, between gateways only: `{ from, sealed }`. Sealed with the key the gateways share and bound to sender,
 * receiver and direction, so that whoever is on the bus without that key can neither read nor say anything. What is in
 * it:
 */
export const ReplicaRequest = z.discriminatedUnion('type', [
  /** A legacy client's answer to a question the receiver put to it. */
  z.object({ type: z.literal('answer'), question: Id, answer: AnyObject }),
  /** To all: a legacy client no longer wants the answer to this request. */
  z.object({ type: z.literal('cancel'), sessionId: Id, requestId: RequestId }),
  /** To all: how much of the log a legacy client wants to see from now on. */
  z.object({
    type: z.literal('log-level'),
    ...Session,
    level: z.enum(['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']),
    setAt: z.int(),
  }),
  /** To all: what a legacy client wants to hear of during its calls, or no longer. */
  z.object({
    type: z.literal('subscription'),
    ...Session,
    server: z.string().min(1).max(256),
    uri: z.string().min(1).max(8192),
    isWanted: z.boolean(),
  }),
  /** To all: DPoP proofs that were accepted, so that nobody accepts them again. */
  z.object({ type: z.literal('proofs-seen'), seen: z.array(SeenProof).max(2_000) }),
  /** Go on with a call parked at the receiver; what it says is sent back as pieces of `exchange`. */
  z.object({
    type: z.literal('resume'),
    park: Id,
    exchange: Id,
    /** The agent's token: the receiver verifies it itself, and watches it while the call runs. */
    token: z.string().max(16_384),
    connectionId: z.string().nullable(),
    responses: AnyObject,
    requestId: RequestId,
    meta: AnyObject.optional(),
  }),
  /** Part of what the client of `exchange` hears; answered once there is room for more. Empty text: still there. */
  z.object({ type: z.literal('piece'), exchange: Id, text: z.string(), last: z.boolean() }),
  /** The client of `exchange` is gone. */
  z.object({ type: z.literal('abandon'), exchange: Id }),
]);
export type ReplicaRequest = z.infer<typeof ReplicaRequest>;

/** `taken: false`: nobody there waits for it (any more). */
export const ReplicaReply = z.object({ taken: z.boolean() });
export type ReplicaReply = z.infer<typeof ReplicaReply>;
