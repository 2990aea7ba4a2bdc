import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered } from '@sallyport/admin-api';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { KnownHealth, ProviderHealthStore } from '@sallyport/connection/refresh';
import { Serve } from '../../admin/serve.js';
import { remedyOf } from '../connect/connect-failure.js';
import type { ConnectHealth, ConnectHealthStore } from '../connect/connect-health-store.js';

export const CREDENTIAL_PROVIDERS_CONTEXT = Symbol('credential providers context');

export interface CredentialProvidersContext {
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'all'>;
  readonly providerHealth: Pick<ProviderHealthStore, 'list'>;
  readonly connectHealth: Pick<ConnectHealthStore, 'list'>;
}

/**
 * Lists how each credential provider has been answering refreshes, and how connecting has been going there: what an
 * administrator looks at when a provider is away or refuses us.
 */
@Controller()
export class CredentialProvidersController {
  readonly #context: CredentialProvidersContext;

  constructor(@Inject(CREDENTIAL_PROVIDERS_CONTEXT) context: CredentialProvidersContext) {
    this.#context = context;
  }

  /**
   * `failing`: its last answers were none, or the last user to connect could not, and it is still asked. `paused`: it
   * is asked only by a probe now and then, at `nextProbeAt`.
   */
  @Serve(routes.listCredentialProviders)
  async list(): Promise<Answered<'listCredentialProviders'>> {
    const [{ providers }, connecting] = await Promise.all([
      this.#context.providerHealth.list(),
      this.#context.connectHealth.list(),
    ]);
    return {
      credentialProviders: this.#context
        .snapshot()
        .all('CredentialProvider')
        .map(({ name, spec: { type, server } }) => {
          const issuers = providers.filter(({ credentialProvider }) => credentialProvider === name).map(shown);
          const connects = connecting.find(({ credentialProvider }) => credentialProvider === name);
          const isFailing = issuers.length > 0 || connects !== undefined;
          return {
            name,
            type,
            server,
            state: stateOf(
              issuers.some(({ state }) => state === 'paused'),
              isFailing,
            ),
            issuers,
            connects: connects === undefined ? null : shownConnects(connects),
          };
        }),
    };
  }
}

const stateOf = (isPaused: boolean, isFailing: boolean) => (isPaused ? 'paused' : isFailing ? 'failing' : 'working');

function shown({
  issuer,
  reason,
  error,
  description,
  failures,
  failedAt,
  pausedSince,
  failedProbes,
  nextProbeAt,
}: KnownHealth) {
  const state = pausedSince === null ? ('failing' as const) : ('paused' as const);
  return {
    issuer,
    state,
    reason,
    error,
    description,
    failures,
    failedAt: iso(failedAt),
    pausedSince: iso(pausedSince),
    failedProbes,
    nextProbeAt: iso(nextProbeAt),
  };
}

function shownConnects({ failures, failedAt, reason, said }: ConnectHealth) {
  return { failures, failedAt: new Date(failedAt).toISOString(), reason, said, remedy: remedyOf(reason) ?? null };
}

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
