import { trustProviderRules, type TrustProviderRules } from '@sallyport/authorization';
import type { DocumentOf } from '@sallyport/configuration';
import type * as oauth from 'oauth4webapi';
import { unavailable } from './provider-errors.js';

export type TrustProvider = DocumentOf<'TrustProvider'>;

/** A provider with what is needed to talk to it. */
export interface DiscoveredProvider {
  readonly provider: TrustProvider;
  readonly rules: TrustProviderRules;
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
}

/** @throws SallyportError `trust_provider_unavailable` when an expression or the preset does not work */
export function rulesOf(provider: TrustProvider): TrustProviderRules {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules) throw unavailable(provider, 'it is not set up correctly', rules.invalid);
  return rules;
}
