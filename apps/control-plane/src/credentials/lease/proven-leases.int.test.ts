import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadMasterKey, Sealer } from '@sallyport/keys';
import { findSecrets, makeScratch, removeScratch } from '@sallyport/testing';
import { createTestAuthority, startTestCloud, type TestCloud } from '@sallyport/testing/servers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  as,
  bob,
  database,
  declared,
  deployForEachTest,
  keys,
  lease,
  log,
  notes,
  start,
} from '../../test/connect-deployment.js';

deployForEachTest();

const target = { server: 'tools', targetOrigin: 'https://tools.example' };
const configure = async (spec: string) => {
  declared.further = `---
kind: McpServer
name: tools
spec: { url: "https://tools.example/mcp" }
---
kind: CredentialProvider
name: tools-proven
spec: { server: tools, ${spec} }
---
kind: AccessPolicy
name: tools-policy
spec: { hop: gateway-to-server, server: tools, credentialProvider: tools-proven }
`;
  await start(notes.resource);
};
/** All that is written down anywhere but in the log of configuration, and that too. */
const written = async () =>
  JSON.stringify(
    await Promise.all([
      database.event.findMany(),
      database.storedSecret.findMany(),
      database.configurationDocument.findMany(),
      database.configurationRevision.findMany(),
    ]),
    (_key, value: unknown) =>
      typeof value === 'bigint'
        ? String(value)
        : value instanceof Uint8Array
          ? Buffer.from(value).toString('latin1')
          : value,
  );

describe('temporary credentials of a cloud', () => {
  const roleArn = 'arn:aws:iam::123456789012:role/mcp';
  const workloadIdentityProvider = 'projects/42/locations/global/workloadIdentityPools/sallyport/providers/gateway';
  const serviceAccount = 'mcp@project.iam.gserviceaccount.com';
  let cloud: TestCloud;
  const aws = (role = roleArn) =>
    configure(
      `type: cloud, origin: "https://tools.example", cloud: { provider: aws, roleArn: "${role}", region: eu-central-1, service: execute-api, stsEndpoint: "${cloud.origin}/aws" }`,
    );
  const google = (account = serviceAccount) =>
    configure(
      `type: cloud, origin: "https://tools.example", cloud: { provider: google, workloadIdentityProvider: "${workloadIdentityProvider}", serviceAccount: "${account}", scopes: [tools.read], stsEndpoint: "${cloud.origin}/google/token", iamEndpoint: "${cloud.origin}" }`,
    );
  beforeEach(async () => {
    cloud = await startTestCloud({
      issuer: as.origin,
      publicJwk: as.keys.publicJwk,
      roleArn,
      workloadIdentityProvider,
      serviceAccount,
    });
    const sealed = new Sealer(loadMasterKey(keys.master)).seal(
      'signing-key',
      JSON.stringify(as.keys.privateJwk),
      'dt-1',
    );
    await database.signingKey.create({
      data: {
        kid: 'dt-1',
        purpose: 'downstream-token',
        algorithm: 'ES256',
        publicJwk: {},
        sealedPrivate: Buffer.from(sealed),
      },
    });
  });
  afterEach(() => cloud.close());

  test('are a role session of each user through each agent, to sign with, asked for once (R43, R79)', async () => {
    await aws();
    const outcomes = await Promise.all([alice, alice, bob, alicesOtherAgent].map((person) => lease(person, target)));
    const signed = outcomes.map((outcome) => {
      const [signing] = outcome.type === 'granted' ? (outcome.signings ?? []) : [];
      if (signing?.method !== 'aws-sigv4') throw new Error(JSON.stringify(outcome));
      const session = cloud.sessions.get(signing.accessKeyId) ?? expect.fail();
      expect([signing.secretAccessKey, signing.sessionToken, signing.region, signing.service]).toEqual([
        session.secretAccessKey,
        session.sessionToken,
        'eu-central-1',
        'execute-api',
      ]);
      return { user: session.user, name: session.name, agent: session.tags['SallyportAgent']?.[0] };
    });
    expect(signed).toEqual(
      [alice, alice, bob, alicesOtherAgent].map(({ userId, clientId }) => ({
        user: userId,
        name: userId,
        agent: clientId,
      })),
    );
    expect(cloud.sessions.size).toBe(3);
    const events = await database.event.findMany({ where: { type: 'connection.refreshed' } });
    expect(new Set(events.map(({ server, userId }) => `${server} ${userId}`))).toEqual(
      new Set([alice, bob].map(({ userId }) => `tools ${userId}`)),
    );
    expect(events.length).toBe(3);
    expect(findSecrets({ written: await written(), log: log.join('') }, cloud.secrets())).toEqual([]);
  });
  test('of a role that is not given are refused, which the trail tells from a cloud that is away (B4)', async () => {
    await aws('arn:aws:iam::123456789012:role/other');
    expect(await lease(alice, target)).toMatchObject({ type: 'refused', reason: 'cloud_role_refused' });
    cloud.faults.push({ status: 503, body: 'busy' });
    expect(await lease(bob, target)).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 5 });
    const events = await database.event.findMany({
      where: { type: { in: ['lease.refused', 'connection.refresh_failed'] } },
      orderBy: { id: 'asc' },
    });
    expect(
      events.map(({ type, userId, body }) => [type, userId, (body as { detail: { reason: string } }).detail.reason]),
    ).toEqual([
      ['connection.refresh_failed', alice.userId, 'AccessDenied'],
      ['lease.refused', alice.userId, 'cloud_role_refused'],
      ['connection.refresh_failed', bob.userId, 'unavailable'],
    ]);
  });
  test('of Google are a token of the service account, for the user, and only that leaves (R43, R33)', async () => {
    await google();
    const outcome = await lease(alice, target);
    const token =
      (outcome.type === 'granted' ? outcome.headers['authorization'] : undefined)?.replace('Bearer ', '') ?? '';
    expect(cloud.googleTokens.get(token)).toEqual({
      user: alice.userId,
      agent: alice.clientId,
      scopes: ['tools.read'],
      account: serviceAccount,
    });
    expect(findSecrets({ written: await written(), log: log.join('') }, cloud.secrets())).toEqual([]);
    await google('other@project.iam.gserviceaccount.com');
    expect(await lease(alice, target)).toMatchObject({ type: 'refused', reason: 'cloud_role_refused' });
  });
});

describe('a client certificate and a key to sign with', () => {
  let directory: string;
  beforeEach(() => {
    directory = makeScratch('proven');
  });
  afterEach(() => removeScratch(directory));
  const put = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return `{ file: "${path}" }`;
  };

  test('come from files, go with whatever the provider gives, sealed, and stand nowhere in clear (R73, R46)', async () => {
    const { cert, key } = await (await createTestAuthority()).issueClient('gateway');
    const jwk = { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }), kid: 'k1' };
    await configure(`type: static, owner: shared, send: { as: bearer }, secret: { env: SEARCH_KEY }, origin: "https://tools.example",
  clientCertificate: { certificate: ${put('tools.crt', cert)}, privateKey: ${put('tools.key', key)}, origin: "https://tools.example" },
  requestSigning: { signingKey: ${put('tools.jwk', JSON.stringify(jwk))}, origin: "https://tools.example" }`);
    const { kid: _kid, ...signingKey } = jwk;
    expect(await lease(alice, target)).toEqual({
      type: 'granted',
      headers: { authorization: 'Bearer search-key-0123456789' },
      connectionId: null,
      connectionRevision: 0,
      expiresInSeconds: 900,
      clientCertificate: { certificate: cert.trim(), privateKey: key.trim() },
      signings: [{ method: 'http-message', key: signingKey, keyId: 'k1', algorithm: 'ed25519', lifetimeSeconds: 60 }],
    });
    expect(
      findSecrets(
        { written: await written(), log: log.join('') },
        { certificate: key.split('\n')[1] ?? '', signing: jwk.d ?? '' },
      ),
    ).toEqual([]);
  });
  test('that are renewed in their files are in use without a restart, and nothing else changes (R73)', async () => {
    const authority = await createTestAuthority();
    const [first, second] = await Promise.all([authority.issueClient('first'), authority.issueClient('second')]);
    await configure(
      `type: none, clientCertificate: { certificate: ${put('tools.crt', first.cert)}, privateKey: ${put('tools.key', first.key)}, origin: "https://tools.example" }`,
    );
    const certificateNow = async () => {
      const outcome = await lease(alice, target);
      return outcome.type === 'granted' ? outcome.clientCertificate?.certificate : outcome.type;
    };
    const documents = () =>
      database.configurationDocument.findMany({
        select: { kind: true, name: true, spec: true },
        orderBy: { name: 'asc' },
      });
    const [before, revision] = [
      await documents(),
      (await database.configurationRevision.findFirstOrThrow({ orderBy: { revision: 'desc' } })).revision,
    ];
    put('tools.crt', ''); // being written
    put('tools.key', second.key);
    put('tools.crt', second.cert);
    await expect.poll(certificateNow).toBe(second.cert.trim());
    expect(await documents()).toEqual(before);
    const changes = await database.event.findMany({ where: { type: 'configuration.changed' } });
    expect(changes.filter(({ body }) => JSON.stringify(body).includes('secret files')).length).toBeGreaterThan(0);
    const { puts } = logEntryOf(
      (
        await database.configurationRevision.findFirstOrThrow({
          where: { revision: { gt: revision } },
          orderBy: { revision: 'asc' },
        })
      ).jws,
    );
    expect(puts.map(({ name }) => name)).toEqual(['tools-proven']);
    expect(
      findSecrets({ written: await written(), log: log.join('') }, { key: second.key.split('\n')[1] ?? '' }),
    ).toEqual([]);
  });
  test('that has expired is refused, and the trail says so (R29)', async () => {
    const { cert, key } = await (await createTestAuthority()).issueClient('gateway', { from: -2, until: -1 });
    await configure(
      `type: none, clientCertificate: { certificate: ${put('tools.crt', cert)}, privateKey: ${put('tools.key', key)}, origin: "https://tools.example" }`,
    );
    expect(await lease(alice, target)).toMatchObject({ type: 'refused', reason: 'client_certificate_expired' });
    expect((await database.event.findFirstOrThrow({ where: { type: 'lease.refused' } })).body).toMatchObject({
      server: 'tools',
      detail: { reason: 'client_certificate_expired' },
    });
  });
  test("for another origin than the server's stop the start, with the place in the file (S20)", async () => {
    const certificate = `type: none, clientCertificate: { certificate: ${put('c', 'c')}, privateKey: ${put('k', 'k')}, origin: "https://elsewhere.example" }`;
    await expect(configure(certificate)).rejects.toThrow(
      /clientCertificate\.origin is not where the server "tools" is/,
    );
    await expect(
      configure(`type: none, requestSigning: { signingKey: ${put('j', 'j')}, origin: "https://elsewhere.example" }`),
    ).rejects.toThrow(/requestSigning\.origin is not where/);
  });
});

const logEntryOf = (jws: string) =>
  JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as { puts: { name: string }[] };
