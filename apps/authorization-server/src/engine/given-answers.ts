import type { Provider } from 'oidc-provider';
import type { ArtifactStore } from '../storage/artifact-store.js';
import { openSuccessor, sealSuccessor } from '../storage/seal-successor.js';
import type { WayBack } from './engine.js';

const DECISION = 'InteractionDecision';
const ANSWER = 'InteractionAnswer';
/** A form that is sent twice is sent twice soon, and a code lives no longer either. */
const KEPT = { expiresInSeconds: 120 };
const POLL_MS = 50;
const WAIT_MS = 10_000;

type Middleware = Parameters<Provider['use']>[0];

/**
 * One authorization request has one decision and one answer, however often its form is sent, and to whichever replicas:
 * whoever comes second is told what the first one was (R20). The answer holds a code, so it is sealed under the
 * request's own id, which the browser has and the database has not (S8).
 */
export class GivenAnswers {
  readonly #store: ArtifactStore;
  readonly #given = new WeakSet<object>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** @param decide run for the first of any number; the others get `decided` once it is done */
  async decideOnce<T>(uid: string, decide: () => Promise<T>, decided: () => T): Promise<T> {
    if (await this.#store.putOnce(DECISION, uid, {}, KEPT)) {
      try {
        const decision = await decide();
        await this.#store.put(DECISION, uid, { isDone: true }, KEPT);
        return decision;
      } catch (error) {
        await this.#store.destroy(DECISION, uid);
        throw error;
      }
    }
    const found = await this.#waitFor(DECISION, uid, (payload) => payload['isDone'] === true);
    return found === 'gone' ? this.decideOnce(uid, decide, decided) : decided();
  }

  /** Middleware around the one route by which the engine leads a browser back to its agent. */
  around({
    resumeCookie,
    show,
  }: {
    readonly resumeCookie: string;
    readonly show: (ctx: Parameters<Middleware>[0], back: WayBack) => void;
  }): Middleware {
    return async (ctx, next) => {
      const uid = /^\/authorize\/([\w-]{1,128})$/.exec(ctx.path)?.[1];
      if (ctx.method !== 'GET' || uid === undefined || ctx.cookies.get(resumeCookie, { signed: true }) !== uid)
        return next();
      if (await this.#store.putOnce(ANSWER, uid, {}, KEPT)) {
        try {
          await next();
        } finally {
          if (!this.#given.has(ctx)) await this.#store.destroy(ANSWER, uid); // it led elsewhere, or failed
        }
        return;
      }
      const back = await this.find(uid);
      if (!back) return next();
      show(ctx, back);
    };
  }

  /** @param ctx of the request that is answered */
  async give(ctx: object, uid: string, back: WayBack): Promise<void> {
    await this.#store.put(ANSWER, uid, { sealed: await sealSuccessor(JSON.stringify(back), uid) }, KEPT);
    this.#given.add(ctx);
  }

  /** What the agent was told, once that is known. Show it to nobody but the browser of the request. */
  async find(uid: string): Promise<WayBack | undefined> {
    const found = await this.#waitFor(ANSWER, uid, ({ sealed }) => sealed !== undefined);
    return found === 'gone' || found === 'never'
      ? undefined
      : (JSON.parse(await openSuccessor(String(found['sealed']), uid)) as WayBack);
  }

  async #waitFor(
    kind: string,
    uid: string,
    isDone: (payload: Record<string, unknown>) => boolean,
  ): Promise<Record<string, unknown> | 'gone' | 'never'> {
    for (let waited = 0; waited < WAIT_MS; waited += POLL_MS) {
      const found = await this.#store.find(kind, uid);
      if (!found || found.expired) return 'gone';
      if (isDone(found.payload)) return found.payload;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return 'never';
  }
}
