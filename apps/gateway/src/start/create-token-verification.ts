import { createAccessTokenVerifier, ProofMemory, type AccessTokenVerifier } from '@sallyport/access-token';
import { SallyportError } from '@sallyport/kernel';
import { createSafeFetch, type AllowedHost } from '@sallyport/safe-fetch';
import { IssuerMetadata } from '../http/issuer-metadata.js';
import { ProofGossip } from '../replicas/proof-gossip.js';
import type { ReplicaLink } from '../replicas/replica-link.js';
import type { Foundation } from './foundation.js';
import { USER_AGENT } from './identity.js';

export interface TokenVerification {
  readonly verifier: AccessTokenVerifier;
  /** Used proofs of possession, of all gateways (S26). */
  readonly proofs: ProofGossip;
  readonly issuerMetadata: IssuerMetadata;
}

/**
 * What an access token is verified by.
 * @throws SallyportError `configuration_invalid` when the key set is at no http(s) address
 */
export function createTokenVerification(
  { config, logger, clock, configuration }: Foundation,
  link: ReplicaLink,
): TokenVerification {
  const jwks = new URL(config.jwksUrl);
  // The administrator named this one address: it may be on our own network, and no proxy comes between us and these
  // keys.
  const fetch = createSafeFetch({
    userAgent: USER_AGENT,
    allow: [hostOf(jwks)],
    extraCertificateAuthorities: config.extraCertificateAuthorities,
  });
  const proofs = new ProofGossip({
    memory: new ProofMemory({ clock }),
    clock,
    publish: (seen) => link.tellAll({ type: 'proofs-seen', seen }),
    onProblem: (error) => logger.warn({ err: error }, 'used proofs could not be told to the other gateways yet'),
  });
  const verifier = createAccessTokenVerifier({
    issuer: config.issuer,
    audience: `${config.gatewayUrl}/mcp`,
    jwksUrl: config.jwksUrl,
    clock,
    fetch,
    revocations: () => configuration.snapshot().revocations,
    seenProofs: proofs,
  });
  const issuerMetadata = new IssuerMetadata({
    url: new URL('/.well-known/oauth-authorization-server', jwks).href,
    issuer: config.issuer,
    fetch,
    clock,
  });
  return { verifier, proofs, issuerMetadata };
}

function hostOf(url: URL): AllowedHost {
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new SallyportError('configuration_invalid', 'The key set must be at an http(s) address.');
  return {
    host: url.hostname,
    ports: [url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)],
    http: url.protocol === 'http:',
  };
}
