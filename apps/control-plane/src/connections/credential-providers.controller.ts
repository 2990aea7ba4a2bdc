import { Controller, Get, Inject } from '@nestjs/common';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { KnownStanding, ProviderStandings } from '@sallyport/credential';

export const CREDENTIAL_PROVIDERS_CONTEXT = Symbol('credential providers context');

export interface CredentialProvidersContext {
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'all'>;
  readonly standings: Pick<ProviderStandings, 'list'>;
}

/** How each credential provider has been answering refreshes: what an administrator sees when one is away, or refuses us. */
@Controller('v1/credential-providers')
export class CredentialProvidersController {
  readonly #context: CredentialProvidersContext;

  constructor(@Inject(CREDENTIAL_PROVIDERS_CONTEXT) context: CredentialProvidersContext) {
    this.#context = context;
  }

  /** `failing`: its last answers were none, and it is still asked. `paused`: only by a probe now and then, at `nextProbeAt`. */
  @Get()
  async list() {
    const { standings } = await this.#context.standings.list();
    return {
      credentialProviders: this.#context
        .snapshot()
        .all('CredentialProvider')
        .map(({ name, spec: { type, server } }) => {
          const issuers = standings.filter(({ credentialProvider }) => credentialProvider === name).map(shown);
          return {
            name,
            type,
            server,
            state: issuers.some(({ state }) => state === 'paused')
              ? 'paused'
              : issuers.length > 0
                ? 'failing'
                : 'working',
            issuers,
          };
        }),
    };
  }
}

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
}: KnownStanding) {
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

function iso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
