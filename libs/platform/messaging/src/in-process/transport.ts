import { ClientProxy, NatsContext, Server } from '@nestjs/microservices';
import type { CustomTransportStrategy, ReadPacket, WritePacket } from '@nestjs/microservices';
import { EmptyResponseException } from '@nestjs/microservices/errors/empty-response.exception.js';
import { subjectMatches } from '../subject-matches.js';

const NO_HANDLER = 'There is no matching message handler defined in the remote service.';

/** What the wire would do to a value: no shared references, dates become strings, `undefined` members vanish. */
export function throughJson(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

/** The servers of one in-process bus, and who of a queue group is next. */
export class Switchboard {
  readonly #servers = new Set<InProcessServer>();
  readonly #turns = new Map<string, number>();

  join(server: InProcessServer): void {
    this.#servers.add(server);
  }

  leave(server: InProcessServer): void {
    this.#servers.delete(server);
  }

  /** One member of each queue group that listens to `subject`, taking turns. */
  receivers(subject: string): InProcessServer[] {
    const groups = Map.groupBy(
      [...this.#servers].filter((server) => server.patternsFor(subject).length > 0),
      (server) => server.queueGroup,
    );
    return [...groups].flatMap(([queueGroup, members]) => {
      const turn = this.#turns.get(queueGroup) ?? 0;
      this.#turns.set(queueGroup, turn + 1);
      const chosen = members[turn % members.length];
      return chosen ? [chosen] : [];
    });
  }
}

/** Stands in for Nest's NATS server in one process: same patterns, same context, at most once. */
export class InProcessServer extends Server implements CustomTransportStrategy {
  override transportId = Symbol.for('sallyport.in-process');
  readonly #switchboard: Switchboard;

  constructor(
    switchboard: Switchboard,
    readonly queueGroup: string,
  ) {
    super();
    this.#switchboard = switchboard;
  }

  listen(callback: () => void): void {
    this.#switchboard.join(this);
    callback();
  }

  close(): void {
    this.#switchboard.leave(this);
  }

  /** There is no connection whose events one could listen to. */
  on(): void {}

  unwrap<T>(): T {
    throw new Error('The in-process transport wraps nothing.');
  }

  patternsFor(subject: string): string[] {
    return [...this.messageHandlers.keys()].filter((pattern) => subjectMatches(pattern, subject));
  }

  deliverEvent(subject: string, data: unknown): void {
    for (const pattern of this.patternsFor(subject)) {
      this.handleEvent(pattern, { pattern: subject, data }, new NatsContext([subject, undefined])).catch(
        (error: unknown) => this.logger.error(error),
      );
    }
  }

  deliverRequest(subject: string, data: unknown, respond: (packet: WritePacket) => void): void {
    const handler = this.getHandlerByPattern(this.patternsFor(subject)[0] ?? subject);
    const context = new NatsContext([subject, undefined]);
    if (!handler) {
      respond({ err: NO_HANDLER, isDisposed: true });
      return;
    }
    this.handleRequest(
      context,
      async () => this.transformToObservable(await handler(data, context)),
      (packet) => respond(throughJson(packet) as WritePacket),
    );
  }
}

export class InProcessClient extends ClientProxy {
  readonly #switchboard: Switchboard;

  constructor(switchboard: Switchboard) {
    super();
    this.#switchboard = switchboard;
  }

  async connect(): Promise<void> {}

  close(): void {}

  unwrap<T>(): T {
    throw new Error('The in-process transport wraps nothing.');
  }

  protected publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    let waiting = true;
    const subject = this.normalizePattern(packet.pattern);
    const data = throughJson(packet.data);
    queueMicrotask(() => {
      const receivers = this.#switchboard.receivers(subject);
      if (receivers.length === 0 && waiting) callback({ err: new EmptyResponseException(subject), isDisposed: true });
      // As on NATS, each queue group gets the request and the first answer wins.
      for (const receiver of receivers) receiver.deliverRequest(subject, data, (answer) => waiting && callback(answer));
    });
    return () => {
      waiting = false;
    };
  }

  protected async dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    const subject = this.normalizePattern(packet.pattern);
    const data = throughJson(packet.data);
    queueMicrotask(() => {
      for (const receiver of this.#switchboard.receivers(subject)) receiver.deliverEvent(subject, data);
    });
    return undefined as T;
  }
}
