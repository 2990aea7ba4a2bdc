import type { TokenEndpointGrantContext } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';
import { dropScopesNotGranted } from './refresh-scope.js';
import type { RefreshRotation } from './refresh-rotation.js';
import { defaultResourceOf, type Resources } from './resources.js';
import { isConfidential } from './structured-tokens.js';

interface Parts {
  readonly rotation: RefreshRotation;
  readonly resources: Resources;
  readonly decisions: Pick<EngineDecisions, 'isKnownScope'>;
}

/** The refresh grant (RFC 6749 section 6): the engine's own handling, inside our rotation. */
export class RefreshGrant {
  readonly #parts: Parts;
  /** Requests that presented a spent refresh token which may have been stolen. */
  readonly #suspected = new WeakSet<object>();
  /** Requests that are answered with a successor made a moment ago. */
  readonly #repeating = new WeakSet<object>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async handle(ctx: TokenEndpointGrantContext, builtIn: () => Promise<void>): Promise<void> {
    const { rotation, resources, decisions } = this.#parts;
    const { params, client, provider } = ctx.oidc;
    const presented = params['refresh_token'];
    if (typeof presented !== 'string') return builtIn(); // which says what is missing
    const resource = defaultResourceOf(client, resources) ?? resources.gateway;
    await dropScopesNotGranted(ctx, { provider, resource, decisions });
    const request = {
      presented,
      clientId: client.clientId,
      isAuthenticated: isConfidential(client),
      onSuspicion: () => void this.#suspected.add(ctx),
    };
    await rotation.run(request, builtIn, async (successor) => {
      this.#repeating.add(ctx);
      params['refresh_token'] = successor;
      await builtIn();
    });
  }

  /** False for a request that is answered with a successor there is already. */
  isRotating(ctx: object): boolean {
    return !this.#repeating.has(ctx);
  }

  isTheftSuspected(ctx: object): boolean {
    return this.#suspected.has(ctx);
  }
}
