import type { Provider } from 'oidc-provider';

export interface Outages {
  is(error: unknown): boolean;
  answer(error: unknown, path: string): { readonly headers: Readonly<Record<string, string>>; readonly body: string };
}
type Middleware = Parameters<Provider['use']>[0];

/**
 * The engine answers whatever it does not know with a failure of its own, by redirect where there is a client. An
 * outage of what we stand on is told as one instead, here and on no other page: the agent that is told to come back
 * keeps its tokens.
 */
export class OutageAnswers {
  readonly #outages: Outages;
  readonly #noticed = new WeakMap<object, unknown>();

  constructor(outages: Outages) {
    this.#outages = outages;
  }

  /** @returns true when the error is an outage, which `around` then answers */
  noticed(ctx: object, error: unknown): boolean {
    if (!this.#outages.is(error)) return false;
    this.#noticed.set(ctx, error);
    return true;
  }

  readonly around: Middleware = async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (!this.noticed(ctx, error)) throw error;
    }
    if (!this.#noticed.has(ctx)) return;
    const { headers, body } = this.#outages.answer(this.#noticed.get(ctx), ctx.path);
    ctx.remove('Location');
    ctx.remove('WWW-Authenticate');
    ctx.status = 503;
    ctx.set({ ...headers });
    ctx.body = body;
  };
}
