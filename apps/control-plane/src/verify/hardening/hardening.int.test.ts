import { chmodSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VerifyCause, VerifyStep } from '@sallyport/admin-api';
import { createSnapshot, documentMap, RevocationIndex } from '@sallyport/configuration';
import { Secret } from '@sallyport/kernel';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startVerifiedWorld, type VerifiedWorld } from '../../test/verified-world.js';
import type { HardeningContext } from '../context.js';
import { checkHardening } from './check-hardening.js';
import { isThisMachine } from './this-machine.js';

const DAY_MS = 86_400_000;
const DOCUMENTS = `
kind: TrustProvider
name: workforce
spec: { issuer: https://idp.invalid, clientId: sallyport }
---
kind: TrustProvider
name: demo
spec: { issuer: 'http://127.0.0.1:7403', clientId: sallyport }
---
kind: ClientRegistration
name: default
spec: { dynamic: { mode: open } }
---
kind: McpServer
name: notes
spec: { url: https://notes.invalid/mcp }
---
kind: CredentialProvider
name: notes
spec: { type: none, server: notes }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway }
---
kind: AccessPolicy
name: staff
spec: { hop: client-to-gateway, users: { trustProvider: workforce, groups: [staff] } }
---
kind: AccessPolicy
name: unapproved
spec:
  hop: gateway-to-server
  server: notes
  credentialProvider: notes
  users: { trustProvider: workforce, groups: [staff] }
  tools: [{ match: ['*'], unapproved: allowed }]
---
kind: OutboundNetwork
name: default
spec:
  allow:
    - { host: notes.internal, ports: [8443] }
    - { host: wide.internal }
    - { host: plain.internal, ports: [80], http: true }
    - { host: 169.254.169.254, ports: [80] }
`;

let directory: string;
let tokenFile: string;
let world: VerifiedWorld;
let steps: readonly VerifyStep[];
beforeAll(async () => {
  directory = makeScratch('hardening');
  tokenFile = join(directory, 'admin-token');
  writeFileSync(tokenFile, 'x'.repeat(40));
  chmodSync(tokenFile, 0o640);
  utimesSync(tokenFile, new Date(), new Date(Date.now() - 91 * DAY_MS));
  world = await startVerifiedWorld(
    DOCUMENTS,
    {},
    {
      stalenessBoundMs: 600_000,
      deployment: { adminTokenFile: tokenFile, healthHost: '0.0.0.0', busServers: [], busHasKey: true },
    },
  );
  ({ steps } = await world.client.verify({ query: { hardening: 'true' } }));
});
afterAll(async () => {
  await world?.close();
  removeScratch(directory);
});

const causesOf = (subject: string) =>
  steps.filter((one) => one.subject === subject).flatMap(({ cause }) => (cause === null ? [] : [cause]));

test.each<[string, VerifyCause[]]>([
  ['TrustProvider/workforce', []],
  ['TrustProvider/demo', ['demo_provider']],
  ['ClientRegistration/default', ['registration_open', 'registration_of_any_document']],
  ['AccessPolicy/everybody', ['policy_for_everybody']],
  ['AccessPolicy/staff', []],
  ['AccessPolicy/unapproved', ['policy_takes_unapproved_tools']],
  ['OutboundNetwork/default notes.internal', []],
  ['OutboundNetwork/default wide.internal', ['outbound_network_wide']],
  ['OutboundNetwork/default plain.internal', ['outbound_plain_http']],
  ['OutboundNetwork/default 169.254.169.254', ['outbound_network_wide']],
  ['SALLYPORT_HEALTH_HOST', ['metrics_exposed']],
  ['SALLYPORT_STALENESS_BOUND', ['staleness_bound_long']],
  ['vault', ['vault_key_in_file']],
  ['SALLYPORT_GATEWAY_URL', []],
])('%s: %s (R72)', (subject, causes) => {
  expect(steps.some((step) => step.subject === subject)).toBe(true);
  expect(causesOf(subject).toSorted()).toEqual(causes.toSorted());
});

test("the administrator token's file: who may read it, and how old it is (R72)", () => {
  expect(causesOf(tokenFile)).toEqual(['admin_token_exposed', 'admin_token_old']);
});

test('a file of private keys that others may read (R72)', async () => {
  const files = steps.filter(({ subject }) => subject.endsWith('.jwk')).map(({ subject }) => subject);
  expect(files.length).toBeGreaterThan(2);
  for (const file of files) expect(causesOf(file)).toEqual([]);
  const [first = ''] = files;
  chmodSync(first, 0o644);
  ({ steps } = await world.client.verify({ query: { hardening: 'true' } }));
  expect(causesOf(first)).toEqual(['key_file_exposed']);
});

/** What only a deployment on several machines has, as the checks see it. */
async function hardened({
  config = {},
  refuses = true,
  ...deployment
}: {
  readonly config?: Partial<HardeningContext['config']>;
  readonly refuses?: boolean;
  readonly busHasKey?: boolean;
  readonly busServers?: readonly string[];
}) {
  const documents = createSnapshot({
    epoch: '',
    revision: 1,
    documents: documentMap([]),
    revocations: new RevocationIndex(Date.now),
  });
  const ownFile = join(directory, 'own');
  writeFileSync(ownFile, '', { mode: 0o600 });
  const checks = checkHardening({
    clock: Date.now,
    documents: () => documents,
    messaging: { kind: 'nats', refuses: () => Promise.resolve(refuses) },
    config: {
      gatewayUrl: 'https://gateway.example',
      issuer: 'https://auth.example',
      publicUrl: 'https://control.example',
      databaseUrl: new Secret('postgresql://db.example/sallyport?sslmode=verify-full'),
      stalenessBoundMs: 300_000,
      keys: {
        masterKeyFile: ownFile,
        configurationSigningKeyFile: ownFile,
        leaseKeyFile: ownFile,
        leaseSigningKeyFile: ownFile,
        enrolledGateways: directory,
      },
      deployment: {
        adminTokenFile: ownFile,
        healthHost: '127.0.0.1',
        busServers: ['tls://bus.example:4222'],
        busHasKey: true,
        ...deployment,
      },
      ...config,
    },
  });
  const findings = (await Promise.all(checks.map((check) => check.run()))).flat();
  return findings.flatMap(({ cause }) => (cause === undefined || cause === 'vault_key_in_file' ? [] : [cause]));
}

test.each<[string, VerifyCause[], Parameters<typeof hardened>[0]]>([
  ['as it should be', [], {}],
  ['plain http beyond this machine', ['public_url_without_tls'], { config: { issuer: 'http://auth.example' } }],
  [
    'a database whose certificate nobody checks',
    ['database_without_tls'],
    { config: { databaseUrl: new Secret('postgresql://db.example/sallyport?sslmode=require') } },
  ],
  ['a bus without TLS', ['bus_without_tls'], { busServers: ['nats://bus.example:4222'] }],
  ['a bus without users', ['bus_without_users'], { busHasKey: false }],
  ['a bus that lets everybody hear everything', ['bus_permissions_wide'], { refuses: false }],
])('a deployment on several machines: %s (R72)', async (_what, causes, change) => {
  expect(await hardened(change)).toEqual(causes);
});

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['localhost', true],
  ['[::1]', true],
  ['', true],
  ['0.0.0.0', false],
  ['127.0.0.1.example', false],
  ['10.0.0.1', false],
])('%j is this machine: %s', (host, expected) => {
  expect(isThisMachine(host)).toBe(expected);
});
