import { z } from 'zod';

/**
 * What is indexed or is a moment is bounded here: a record that cannot be stored would come back for ever, and hold up
 * everybody else's.
 */
const Id = z.string().min(1).max(128);
const Replica = z.string().max(64);
/** Milliseconds since the epoch, before the year 10000. */
const Moment = z.int().min(0).max(253_402_300_799_999);
/** Four months: longer than any stream, and never out of a moment's range. */
const MAX_DURATION_MS = 10_000_000_000;
const MAX_DETAILS = 64;
const Duration = z.number().min(0).max(MAX_DURATION_MS);
const Bytes = z.int().min(0);
/** The client's address. */
const Address = z.string().max(64);
/** 32 hexadecimal digits (Trace Context §3.2.2.3), of those who keep to it. */
const TraceId = z.string().max(2_048);
/**
 * The process that wrote a record and the record's number among all of that process, from 1 on. Not there where others
 * write the same record under the same id, and from older versions: whoever stores it then numbers it as its own.
 */
const Numbered = { writer: z.string().max(96).optional(), n: z.int().min(1).optional() };

/**
 * One record per call, written by the gateway before the last byte of its answer. Never holds a secret, an argument
 * or a result. The audit store splits it into `mcp.request` and `mcp.response`, idempotent by `id`.
 */
export const CallRecord = z.object({
  v: z.literal(1),
  type: z.literal('mcp.call'),
  id: Id,
  replica: Replica,
  ...Numbered,
  receivedAt: Moment,
  /** From the first byte of the request to the last of its answer. */
  durationMs: Duration,
  /** Of that, how long the server had the call: from each request sent to it until its answer was there. */
  upstreamMs: Duration.optional(),
  /** Of the request's body and of the answer's, on the agent's side. */
  requestBytes: Bytes.optional(),
  responseBytes: Bytes.optional(),
  address: Address.optional(),
  /** The token's subject; absent when the agent could not be identified (R76). */
  userId: z.string().max(128).optional(),
  trustProvider: z.string().optional(),
  clientId: z.string().optional(),
  agentName: z.string().optional(),
  sid: z.string().optional(),
  protocolVersion: z.string().optional(),
  method: z.string().optional(),
  server: z.string().optional(),
  /** The server's own name of the tool, or the resource URI as sent downstream. */
  target: z.string().optional(),
  /** Of the tool, as the server described it then: SHA-256, see `ApprovedTools`. */
  definition: z.string().max(64).optional(),
  decision: z.enum(['allow', 'deny', 'step_up', 'connect_required', 'unauthenticated', 'invalid']),
  /** Which policy decided, per hop (R29). */
  policies: z.object({ clientToGateway: z.string().nullable(), gatewayToServer: z.string().nullable() }).optional(),
  policyRevision: z.int().optional(),
  reason: z.string().optional(),
  connectionId: z.string().optional(),
  httpStatus: z.int(),
  errorCode: z.int().optional(),
  /** The tool said that it failed: `isError` in its result. */
  isToolError: z.boolean().optional(),
  traceId: TraceId.optional(),
});
export type CallRecord = z.infer<typeof CallRecord>;

/** Of the arguments, and of the result, as a text in JSON: both fit into one record of the spool. */
export const MAX_CONTENT_BYTES = 24 * 1024;
const Content = z.string().max(MAX_CONTENT_BYTES);
const Withheld = z.enum(['too_large', 'in_pieces']);

/**
 * What one call was asked with and answered, where policies say that the trail may have it, and as much of it as they
 * say. It is beside the call's record, with no room of its own: where the spool is half full it is left out.
 */
export const ContentRecord = z.object({
  v: z.literal(1),
  type: z.literal('mcp.content'),
  id: Id,
  replica: Replica,
  ...Numbered,
  at: Moment,
  ...CallRecord.pick({
    address: true,
    traceId: true,
    userId: true,
    trustProvider: true,
    clientId: true,
    agentName: true,
    sid: true,
    method: true,
    server: true,
    target: true,
    connectionId: true,
  }).shape,
  /** Of the call's own record. */
  callId: Id,
  level: z.enum(['shape', 'redacted', 'full']),
  /** JSON. */
  arguments: Content.optional(),
  result: Content.optional(),
  /** Why something is not there that was, and may be recorded. */
  argumentsWithheld: Withheld.optional(),
  resultWithheld: Withheld.optional(),
});
export type ContentRecord = z.infer<typeof ContentRecord>;

/**
 * Everything else worth a line in the trail: sign-in, consent, token issue, connection, refresh, revocation,
 * administration.
 */
export const LifecycleRecord = z.object({
  v: z.literal(1),
  type: z.enum([
    'user.signed_in',
    'user.sign_in_failed',
    'user.signed_out',
    'agent.registered',
    'agent.registration_removed',
    'agent.registration_removal_requested',
    'agent.consented',
    'agent.consent_denied',
    'token.issued',
    'token.refreshed',
    'token.refused',
    'token.revoked',
    'connection.created',
    'connection.refreshed',
    'connection.refresh_failed',
    'connection.needs_reconnect',
    'connection.removed',
    'connection.revoked_upstream',
    'connection.consented',
    'credential-provider.paused',
    'credential-provider.resumed',
    'client-registration.dropped',
    'revocation.created',
    'administrator.request',
    'administrator.refused',
    'administrator.break_glass',
    'configuration.changed',
    'configuration.drifted',
    'signing_key.created',
    'signing_key.rotation_requested',
    'signing_key.withdrawn',
    'vault_key.created',
    'vault_key.removed',
    'lease.refused',
    'limit.exceeded',
    'audit.checkpoint',
    'audit.records_missing',
    'audit.key_created',
    'tool.listed',
    'log_stream.tested',
    'event_export.created',
    'event_export.downloaded',
    'events.summed',
  ]),
  id: Id,
  replica: Replica,
  ...Numbered,
  at: Moment,
  address: Address.optional(),
  traceId: TraceId.optional(),
  userId: z.string().max(128).optional(),
  trustProvider: z.string().optional(),
  clientId: z.string().optional(),
  agentName: z.string().optional(),
  sid: z.string().optional(),
  server: z.string().optional(),
  connectionId: z.string().optional(),
  reason: z.string().optional(),
  detail: z
    .record(z.string().regex(/^[A-Za-z][\w.-]{0,63}$/), z.union([z.string(), z.number(), z.boolean()]))
    .refine((detail) => Object.keys(detail).length <= MAX_DETAILS, `has more than ${MAX_DETAILS} fields`)
    .optional(),
});
export type LifecycleRecord = z.infer<typeof LifecycleRecord>;

/** Events that were not recorded one by one, because anybody can cause any number of them (S33). */
export function summedEvents(sum: {
  of: string;
  reason: string;
  count: number;
  from: number;
  to: number;
  addresses: readonly string[];
}) {
  const { of, reason, count, from, to, addresses } = sum;
  const seen = addresses.length === 0 ? {} : { addresses: addresses.join(' ') };
  const detail = { of, count, from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...seen };
  return { type: 'events.summed', reason, detail } as const satisfies Partial<LifecycleRecord>;
}

export const AuditRecord = z.discriminatedUnion('type', [CallRecord, ContentRecord, LifecycleRecord]);
export type AuditRecord = z.infer<typeof AuditRecord>;
