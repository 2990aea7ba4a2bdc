import { Controller, Inject, NotFoundException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { Serve } from '../../admin/serve.js';
import type { DeadLetters } from './dead-letters.js';
import type { LogStream } from './log-stream.js';
import type { StreamCursors, StreamStanding } from './stream-cursors.js';
import type { StreamTest } from './test-stream.js';

export const LOG_STREAMS_CONTEXT = Symbol('log streams context');
export interface LogStreamsContext {
  readonly streams: () => ReadonlyMap<string, LogStream>;
  readonly cursors: Pick<StreamCursors, 'standings'>;
  readonly letters: Pick<DeadLetters, 'list' | 'ask'>;
  readonly test: (stream: LogStream) => Promise<StreamTest>;
}

/** Shows how log streams stand, tests them, and sends dead letters again (R78). */
@Controller()
export class LogStreamsController {
  constructor(@Inject(LOG_STREAMS_CONTEXT) private readonly context: LogStreamsContext) {}

  @Serve(routes.listLogStreams)
  async list(): Promise<Answered<'listLogStreams'>> {
    const standings = await this.#standings();
    const streams = [...this.context.streams().values()];
    return { logStreams: streams.map((stream) => shown(stream, standings.get(stream.name))) };
  }

  @Serve(routes.readLogStream)
  async read({ params: { name } }: Asked<'readLogStream'>): Promise<Answered<'readLogStream'>> {
    const stream = this.#find(name);
    return shown(stream, (await this.#standings()).get(name));
  }

  @Serve(routes.testLogStream)
  async test({ params: { name } }: Asked<'testLogStream'>): Promise<Answered<'testLogStream'>> {
    return this.context.test(this.#find(name));
  }

  @Serve(routes.listDeadLetters)
  async deadLetters({ params: { name }, query }: Asked<'listDeadLetters'>): Promise<Answered<'listDeadLetters'>> {
    this.#find(name);
    const letters = await this.context.letters.list(name, query.limit);
    return {
      deadLetters: letters.map(({ at, diedAt, body, eventId, type, attempts, reason, said, isAsked }) => ({
        eventId,
        type,
        at: at.toISOString(),
        diedAt: diedAt.toISOString(),
        attempts,
        reason,
        said,
        isReplayed: isAsked,
        body,
      })),
    };
  }

  @Serve(routes.replayDeadLetters)
  async replay({ params: { name }, body }: Asked<'replayDeadLetters'>): Promise<Answered<'replayDeadLetters'>> {
    this.#find(name);
    return { replayed: await this.context.letters.ask(name, body.eventIds) };
  }

  #find(name: string): LogStream {
    const stream = this.context.streams().get(name);
    if (stream === undefined) throw new NotFoundException('There is no such log stream.');
    return stream;
  }

  async #standings(): Promise<ReadonlyMap<string, StreamStanding>> {
    return new Map((await this.context.cursors.standings()).map((standing) => [standing.stream, standing]));
  }
}

function shown({ kind, name, sinkName }: LogStream, standing: StreamStanding | undefined): Answered<'readLogStream'> {
  const { reason, failedAt, said } = standing ?? {};
  return {
    name,
    kind,
    sink: sinkName,
    state: standing === undefined ? 'new' : standing.failures > 0 ? 'failing' : 'working',
    sequence: Number(standing?.sequence ?? 0),
    behind: Number((standing?.newest ?? 0n) - (standing?.sequence ?? 0n)),
    oldestWaitingAt: standing?.oldestAt?.toISOString() ?? null,
    delivered: Number(standing?.delivered ?? 0),
    deliveredAt: standing?.deliveredAt?.toISOString() ?? null,
    deadLetters: standing?.deadLetters ?? 0,
    lastError: reason && failedAt ? { at: failedAt.toISOString(), reason, said: said ?? '' } : null,
    nextAttemptAt: standing?.nextAttemptAt?.toISOString() ?? null,
  };
}
