import { DEMO_CLIENT_SECRET_VARIABLE, demoConfiguration, type DemoConfigurationUrls } from '@sallyport/demo';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { IDENTITY_PROVIDER_CLIENT_SECRET } from '../../system/surroundings.js';
import type { FuzzFacts, SignedInFacts } from './fuzz-request.js';

/**
 * The demonstration's identity provider and a cluster, as far as they sign with the fuzzer's own key: what they sign is
 * taken, so that requests get past the signature.
 */
export interface FuzzIssuer {
  /** The demonstration's file, with agents that show what the two signed. */
  readonly configure: (demo: DemoConfigurationUrls) => string;
  addTo(facts: SignedInFacts): Promise<FuzzFacts>;
}

export async function makeFuzzIssuer(): Promise<FuzzIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const { x, y } = await exportJWK(publicKey);
  const keys = `[{ kty: EC, crv: P-256, x: ${x}, y: ${y} }]`;
  const documents = `kind: WorkloadIssuer
name: cluster
spec: { type: kubernetes, issuer: "https://cluster.invalid", keys: ${keys}, algorithms: [ES256] }
---
kind: Agent
name: fuzz-assistant
spec: { displayName: Assistant, authentication: { method: client_secret, clientSecret: { env: ${DEMO_CLIENT_SECRET_VARIABLE} } } }
---
kind: Agent
name: fuzz-workload
spec: { displayName: Workload, machine: { roles: [reader] }, authentication: { method: workload, issuer: cluster, subject: "system:serviceaccount:fuzz:fuzz" } }
---
kind: AccessPolicy
name: fuzz-machines
spec: { hop: client-to-gateway, agents: { machines: only } }
---
`;
  let identityProvider = '';
  const sign = (claims: Record<string, unknown>, typ?: string) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', ...(typ === undefined ? {} : { typ }) })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
  return {
    configure: (urls) => {
      identityProvider = urls.identityProvider;
      return (
        documents +
        demoConfiguration(urls).replace(
          /^  clientId: sallyport$/m,
          (line) => `${line}\n  identityAssertions: { keys: ${keys} }`,
        )
      );
    },
    addTo: async (facts) => ({
      ...facts,
      identityAssertion: await sign(
        {
          iss: identityProvider,
          sub: 'alice',
          aud: facts.issuer,
          client_id: 'fuzz-assistant',
          resource: facts.resource,
          scope: 'notes.read',
          groups: ['engineering'],
          jti: crypto.randomUUID(),
        },
        'oauth-id-jag+jwt',
      ),
      assistant: { id: 'fuzz-assistant', secret: IDENTITY_PROVIDER_CLIENT_SECRET },
      workload: {
        id: 'fuzz-workload',
        token: await sign({
          iss: 'https://cluster.invalid',
          sub: 'system:serviceaccount:fuzz:fuzz',
          aud: [facts.issuer],
        }),
      },
    }),
  };
}
