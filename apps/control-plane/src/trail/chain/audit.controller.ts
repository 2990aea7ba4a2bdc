import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { Serve } from '../../admin/serve.js';
import { AuditKeys, type AuditKey } from './audit-keys.js';
import { readCounters } from './store-counters.js';
import { verifyStored, type VerifyStoredContext } from './verify-stored.js';

export const AUDIT_CONTEXT = Symbol('audit context');
export interface AuditContext extends VerifyStoredContext {
  readonly keys: AuditKeys;
}

/** What proves the trail: keys, checkpoints, and the comparison of both with what is stored (B13). */
@Controller()
export class AuditController {
  constructor(@Inject(AUDIT_CONTEXT) private readonly context: AuditContext) {}

  @Serve(routes.listAuditKeys)
  async keys(): Promise<Answered<'listAuditKeys'>> {
    await this.context.keys.current();
    return { keys: (await this.context.keys.all()).map(shown) };
  }

  @Serve(routes.rotateAuditKey)
  async rotate(): Promise<Answered<'rotateAuditKey'>> {
    await this.context.keys.rotate();
    return { keys: (await this.context.keys.all()).map(shown) };
  }

  @Serve(routes.listCheckpoints)
  async checkpoints({ query: { after, limit } }: Asked<'listCheckpoints'>): Promise<Answered<'listCheckpoints'>> {
    const { database, statements } = this.context;
    const rows = await database.auditCheckpoint.findMany({
      where: { number: { gt: after } },
      orderBy: { number: 'asc' },
      take: limit,
    });
    return {
      checkpoints: rows.map(({ number, writer, at, after: before, upTo, note, entries }) => ({
        number: Number(number),
        writer,
        at: at.toISOString(),
        after: Number(before),
        upTo: Number(upTo),
        note,
        entries: entries === null ? null : Buffer.from(entries).toString('base64'),
      })),
      store: await statements.transaction((query) => readCounters(query)),
    };
  }

  @Serve(routes.verifyTrail)
  async verify({ query }: Asked<'verifyTrail'>): Promise<Answered<'verifyTrail'>> {
    const { findings, last, ...counts } = await verifyStored(this.context, query);
    return {
      ...counts,
      findings: findings.map((finding) => ({ ...finding, at: momentOf(finding.at) })),
      last: last === undefined ? null : { number: last.number, at: new Date(last.at).toISOString() },
    };
  }
}

const momentOf = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();

const shown = ({ text, id, createdAt }: AuditKey, index: number) => ({
  publicKey: text,
  id,
  createdAt: createdAt.toISOString(),
  signs: index === 0,
});
