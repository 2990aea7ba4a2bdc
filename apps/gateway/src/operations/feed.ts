import type { HeldBytes } from '@sallyport/http';
import type { JsonObject } from '@sallyport/mcp-relay';

/** What a client has not taken yet; changes of lists are told once however often they happen. */
const MAX_PENDING = 1_000;
/** Characters that may wait for the client; whoever tells more waits until it has taken some. */
const MAX_CHARACTERS = 1024 * 1024;

export interface Change {
  readonly method: string;
  /** The resource or the task it is about. */
  readonly about?: string;
  readonly params?: JsonObject;
  /** Characters, where it may be long. */
  readonly size?: number;
}

/** Changes that wait for the client: the last of each, once. */
export class Feed {
  readonly #pending = new Map<string, Change>();
  readonly #held: Pick<HeldBytes, 'charge' | 'give'> | undefined;
  #characters = 0;
  #ended = false;
  #wake: () => void = () => undefined;
  #makeRoom: (() => void)[] = [];

  /** @param held where what waits counts */
  constructor(held?: Pick<HeldBytes, 'charge' | 'give'>) {
    this.#held = held;
  }

  push(change: Change): void {
    const key = `${change.method} ${change.about ?? ''}`;
    if (this.#pending.size >= MAX_PENDING) this.#ended = true;
    else {
      this.#wait(change.size ?? 0);
      this.#wait(-(this.#pending.get(key)?.size ?? 0));
      this.#pending.set(key, change);
    }
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
    this.#release();
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Resolves when more may be told: at once, unless the client is behind. */
  async room(): Promise<void> {
    while (this.#characters >= MAX_CHARACTERS && !this.#ended)
      await new Promise<void>((resolve) => this.#makeRoom.push(resolve));
  }

  /** What waits now, taken. */
  drain(): Change[] {
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    this.#wait(-this.#characters);
    this.#release();
    return changes;
  }

  /** Resolves at once while something waits, else at the next change or the end. One waits at a time. */
  async woken(): Promise<void> {
    if (this.#pending.size > 0 || this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  async take(): Promise<Change | undefined> {
    for (;;) {
      const [first] = this.#pending;
      if (first !== undefined) {
        this.#pending.delete(first[0]);
        this.#wait(-(first[1].size ?? 0));
        this.#release();
        return first[1];
      }
      if (this.#ended) return undefined;
      await this.woken();
    }
  }

  #wait(characters: number): void {
    this.#characters += characters;
    if (characters > 0) this.#held?.charge(characters);
    else this.#held?.give(-characters);
  }

  #release(): void {
    const waiting = this.#makeRoom;
    this.#makeRoom = [];
    for (const resume of waiting) resume();
  }
}
