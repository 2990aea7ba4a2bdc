import type { Live, WrittenChangeSet } from '@sallyport/admin-api';
import type { FastifyReply } from 'fastify';
import type { Administrator } from '../admin/administrators.js';
import type { AdministrationRecords } from '../admin/record-administration.js';
import { REVISION_HEADER } from '../admin/tell-revision.js';
import type { ChangeRefusal, ChangeRequest } from './change-sets/change-request.js';
import type { ChangeSets, WrittenChange } from './change-sets/change-sets.js';
import { wordRefusal } from './change-sets/word-refusal.js';
import type { Liveness } from '../status/known-replicas.js';
import type { ConfigurationPublisher } from './configuration-publisher.js';
import type { Revision } from './revision-log.js';
import { rightsOf } from './rights.js';

/** How long a writer waits for gateways. Milliseconds. */
const LIVE_TIMEOUT_MS = 10_000;
/** Characters of what the trail says of a refusal. */
const MAX_REASON = 500;

/** Waits until a revision is in force. Resolves in time, whatever happens. */
export type AwaitLive = (wanted: Revision, timeoutMs: number) => Promise<Liveness>;

export interface WriteParts {
  readonly changeSets: Pick<ChangeSets, 'plan' | 'show' | 'write'>;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly awaitLive: AwaitLive;
  readonly records: Pick<AdministrationRecords, 'refused'>;
}

/** What controllers write documents with. */
export const WRITES = Symbol('writes');

/** A change as a controller knows it. */
export type AskedChange = Omit<ChangeRequest, 'actor' | 'rights'>;

/**
 * Makes the change that a request asks for, or only says what it would do, and answers as the routes declare.
 * @throws {RequestRefused} as the refusal says
 */
export async function answerWrite(
  { changeSets, publisher, awaitLive, records }: WriteParts,
  administrator: Administrator,
  asked: AskedChange,
  { dryRun = false, wait }: { readonly dryRun?: boolean | undefined; readonly wait?: 'live' | undefined },
  reply: FastifyReply,
): Promise<WrittenChangeSet> {
  const request = { ...asked, actor: administrator.actor, rights: rightsOf(administrator) };
  const answered = dryRun ? await changeSets.plan(request) : await changeSets.write(request);
  if (answered.type === 'not-permitted') {
    const { method, routeOptions, ip: address } = reply.request;
    const at = { method, route: routeOptions.url ?? '', permission: 'configuration:write', address } as const;
    const reason = answered.documents.map(({ message }) => message).join(' ');
    await records.refused(administrator, at, reason.slice(0, MAX_REASON));
  }
  const outcome = orRefuse(answered);
  const { epoch, revision, changed, plan } = outcome;
  void reply.header(REVISION_HEADER, String(revision));
  if (changed) void publisher.flush().catch(() => undefined); // the publisher says so, and tries again by itself
  const live =
    wait === 'live' && !dryRun ? liveShown(await awaitLive({ epoch, revision }, LIVE_TIMEOUT_MS)) : undefined;
  return { epoch, revision, changed, plan, ...(live && { live }) };
}

function liveShown({ live, replicas, waitedMs, behind, silent }: Liveness): Live {
  const namesOf = (some: Liveness['behind']) => some.map(({ service, replica }) => `${service}/${replica}`);
  return { isLive: live, replicas, waitedMs, behind: namesOf(behind), silent: namesOf(silent) };
}

/** @throws {RequestRefused} */
export function orRefuse(outcome: WrittenChange | ChangeRefusal): WrittenChange {
  if (outcome.type === 'written') return outcome;
  throw wordRefusal(outcome);
}
