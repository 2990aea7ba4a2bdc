import type { DocumentOf } from '@sallyport/configuration';
import { problemIf } from './check.js';
import type { Problem } from './check.js';
import { MIN_TOKEN_LIFETIME_SECONDS, secondsOf } from './token-lifetime.js';

/** As long as the longest that platforms hand to a pod or a job. */
const MAX_WORKLOAD_TOKEN_SECONDS = 86_400;

export function workloadIssuerProblems({ spec }: DocumentOf<'WorkloadIssuer'>): readonly Problem[] {
  const { jwksUri, keys } = spec;
  const lifetime = secondsOf(spec.maxLifetime);
  return [
    ...problemIf(jwksUri !== undefined && keys !== undefined, ['keys'], 'has no place beside `jwksUri`: keep one'),
    ...problemIf(
      spec.type === 'spiffe' && jwksUri === undefined && keys === undefined,
      ['jwksUri'],
      'or `keys` is required: a trust domain has no discovery document',
    ),
    ...problemIf(
      lifetime < MIN_TOKEN_LIFETIME_SECONDS || lifetime > MAX_WORKLOAD_TOKEN_SECONDS,
      ['maxLifetime'],
      'must be between 1m and 24h',
    ),
  ];
}
