import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Caller } from '@sallyport/policy';
import { Places } from '../call/places.js';
import type { StateSealer } from '../session/state-sealer.js';

/** Whom a question is put to: an answer of anybody else is none. */
export interface Asked {
  readonly caller: Caller;
  readonly sessionId: string;
}
/** `undefined`: nobody answered in time. */
export type OnAnswer = (answer: JsonObject | undefined) => void;

const Address = z.object({ replica: z.string(), question: z.string() });
export type QuestionAddress = z.infer<typeof Address>;

export interface OpenQuestionsOptions {
  readonly sealer: StateSealer;
  readonly replica: string;
  /** How long a person may take. */
  readonly lifetimeMs?: number;
  readonly limit?: number;
  /** One user's agents leave room for everybody else's. */
  readonly limitPerUser?: number;
}

/**
 * Questions this replica put to legacy clients, on the stream of the call they belong to. The id a question travels
 * under is sealed: it names the replica that waits, and opens for the user, agent, sign-in and MCP session that was
 * asked and for nobody else (security rule S16). So the answer may arrive at any replica.
 */
export class OpenQuestions {
  readonly #options: Required<OpenQuestionsOptions>;
  readonly #places: Places;
  readonly #open = new Map<string, (answer: JsonObject | undefined) => void>();

  constructor(options: OpenQuestionsOptions) {
    this.#options = { lifetimeMs: 10 * 60_000, limit: 10_000, limitPerUser: 256, ...options };
    this.#places = new Places({ perUser: this.#options.limitPerUser, total: this.#options.limit });
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * @returns `undefined` when too many are open, of this user or altogether. `onAnswer` runs once, and not after
   * `close`.
   */
  open(asked: Asked, onAnswer: OnAnswer): { readonly id: string; readonly close: () => void } | undefined {
    const { sealer, replica, lifetimeMs } = this.#options;
    const leave = this.#places.enter(asked.caller.userId);
    if (leave === undefined) return undefined;
    const question = randomBytes(12).toString('base64url');
    const close = () => {
      clearTimeout(timer);
      if (this.#open.delete(question)) leave();
    };
    const settle: OnAnswer = (answer) => {
      close();
      onAnswer(answer);
    };
    const timer = setTimeout(() => settle(undefined), lifetimeMs).unref();
    this.#open.set(question, settle);
    const address: QuestionAddress = { replica, question };
    return { id: sealer.seal('question', address, boundTo(asked)), close };
  }

  /** Where an answer belongs; `undefined` for an id that was not given to this caller in this session. */
  addressOf(id: unknown, asked: Asked): QuestionAddress | undefined {
    return typeof id === 'string'
      ? Address.safeParse(this.#options.sealer.open('question', id, boundTo(asked))).data
      : undefined;
  }

  /** @returns whether anybody still waited. */
  settle(question: string, answer: JsonObject): boolean {
    const settle = this.#open.get(question);
    settle?.(answer);
    return settle !== undefined;
  }
}

const boundTo = ({ caller, sessionId }: Asked) => [caller.userId, caller.clientId, caller.sid, sessionId];
