import { demoConfiguration, type DemoConfigurationUrls } from '@sallyport/demo';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** The machine agent that administers. */
export const PIPELINE = 'deploy';
const CLUSTER = 'https://cluster.invalid';
const accountOf = (name: string) => `system:serviceaccount:ci:${name}`;

/** A platform that gives its workloads tokens, as a cluster does. */
export interface Workloads {
  /** The demonstration's configuration without whoami, with a pipeline and with sales as policy authors. */
  configure(demo: DemoConfigurationUrls): string;
  /** What the platform gives a workload, for one audience. */
  tokenOf(name: string, audience: string): Promise<string>;
}

export async function makeWorkloads(): Promise<Workloads> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const { x, y } = await exportJWK(publicKey);
  const documents = `kind: WorkloadIssuer
name: cluster
spec: { type: kubernetes, issuer: "${CLUSTER}", keys: [{ kty: EC, crv: P-256, x: ${x}, y: ${y} }], algorithms: [ES256] }
---
kind: Agent
name: ${PIPELINE}
spec:
  displayName: Deployment
  machine: { roles: [] }
  authentication: { method: workload, issuer: cluster, subject: "${accountOf(PIPELINE)}" }
---
kind: Administrators
name: pipelines
spec: { role: credential-admin, agents: [${PIPELINE}] }
---
kind: Administrators
name: pipelines-policies
spec: { role: policy-author, agents: [${PIPELINE}] }
---
kind: Administrators
name: policy-authors
spec: { role: policy-author, members: [{ trustProvider: demo, groups: [sales] }] }
---
`;
  return {
    configure: (demo) =>
      documents +
      demoConfiguration(demo)
        .split('---\n')
        .filter((part) => !/^name: whoami/m.test(part))
        .join('---\n'),
    tokenOf: (name, audience) =>
      new SignJWT({})
        .setProtectedHeader({ alg: 'ES256' })
        .setIssuer(CLUSTER)
        .setSubject(accountOf(name))
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey),
  };
}
