import { createSafeFetch, tellingProxy } from '@sallyport/safe-fetch';
import { IssuerKeys } from '@sallyport/access-token/published-keys';
import { traceFetch } from '@sallyport/telemetry';
import { DocumentFetch } from '../limits/document-fetch.js';
import { RequestLimits } from '../limits/request-limits.js';
import { resolveApart } from '../limits/resolve-apart.js';
import type { Storage } from './create-storage.js';
import type { Foundation } from './foundation.js';

/** Bytes; the engine takes less than this of anything but a key set. */
const LARGEST_DOCUMENT = 64 * 1024;

export type Outbound = ReturnType<typeof createOutbound>;

/** What the server fetches, each by the outbound network rules, and how much others may make it fetch. */
export function createOutbound(
  { config, configuration, recorder, logger, tracer, clock }: Foundation,
  { sessions }: Pick<Storage, 'sessions'>,
) {
  const guard = {
    allow: () => configuration.snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
    userAgent: 'Sallyport',
    extraCertificateAuthorities: config.extraCertificateAuthorities,
    proxy: tellingProxy(config.proxy, logger),
  };
  const fetch = traceFetch(createSafeFetch(guard), tracer);
  const limits = new RequestLimits({ configuration, record: recorder.record, clock });
  return {
    fetch,
    limits,
    /** Metadata documents and key sets that agents name. */
    documents: new DocumentFetch({
      fetch: createSafeFetch({ ...guard, maxResponseBytes: LARGEST_DOCUMENT, resolve: resolveApart(guard.allow) }),
      limits,
      isInUse: async (clientId) =>
        configuration.snapshot().get('Agent', clientId) !== undefined || (await sessions.isAgentInUse(clientId)),
      clock,
    }),
    /** Key sets of identity providers and of platforms that issue workload tokens. */
    issuerKeys: new IssuerKeys({
      fetch,
      clock,
      onProblem: (source, err) => logger.warn({ err, source }, 'the keys of an issuer could not be read'),
      onRecovered: (source) => logger.info({ source }, 'the keys of an issuer can be read again'),
    }),
  };
}
