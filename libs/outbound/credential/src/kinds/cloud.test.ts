import { generateKeyPairSync } from 'node:crypto';
import { Document, type DocumentOf } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import { awsFailure } from '@sallyport/testing/servers';
import { decodeJwt, importJWK, type JWK } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { CloudCredentials } from './cloud.js';
import type { DownstreamSigningKey } from '../downstream-token.js';

const origin = 'https://tools.example';
const aws = {
  provider: 'aws',
  roleArn: 'arn:aws:iam::123456789012:role/mcp',
  region: 'eu-central-1',
  service: 'execute-api',
};
const google = {
  provider: 'google',
  workloadIdentityProvider: 'projects/42/locations/global/workloadIdentityPools/sallyport/providers/gateway',
  scopes: ['https://www.googleapis.com/auth/cloud-platform.read-only'],
};
const read = (cloud: object) =>
  Document.safeParse({
    kind: 'CredentialProvider',
    name: 'tools',
    spec: { type: 'cloud', server: 'tools', cloud, origin },
  });
function configured(cloud: object, url = `${origin}/mcp`) {
  const provider = read(cloud).data;
  if (provider?.kind !== 'CredentialProvider' || provider.spec.type !== 'cloud') throw new Error('not valid');
  const server: DocumentOf<'McpServer'> = { kind: 'McpServer', name: 'tools', spec: { url, timeout: '60s' } };
  return { target: { server, provider }, spec: provider.spec };
}
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyOf = async (kid = 'dt-1'): Promise<DownstreamSigningKey> => ({
  kid,
  algorithm: 'ES256',
  privateKey: (await importJWK(
    pair.privateKey.export({ format: 'jwk' }) as JWK,
    'ES256',
  )) as DownstreamSigningKey['privateKey'],
});

let now: number;
let answers: ({ status?: number; body: string; headers?: Record<string, string> } | Error)[];
let requests: { url: string; body: string; authorization: string | null }[];
let told: (string | null)[];
let cloud: CloudCredentials;
let issued: number;
const granted = () =>
  `<R><Credentials><SessionToken>c2Vzc2lvbi10b2tlbg==${issued}</SessionToken><SecretAccessKey>c2VjcmV0LWtleS1vZi1hd3M=</SecretAccessKey><Expiration>${new Date(now + 900_000).toISOString()}</Expiration><AccessKeyId>ASIA${String(++issued).padStart(16, '0')}</AccessKeyId></Credentials></R>`;
beforeEach(() => {
  [now, answers, requests, told, issued] = [1_800_000_000_000, [], [], [], 0];
  cloud = new CloudCredentials({
    clock: () => now,
    issuer: 'https://as.example',
    onRequest: async ({ reason }) => void told.push(reason),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push({
        url: request.url,
        body: await request.text(),
        authorization: request.headers.get('authorization'),
      });
      const answer = answers.shift() ?? { body: granted() };
      if (answer instanceof Error) throw answer;
      return new Response(answer.body, { status: answer.status ?? 200, headers: answer.headers ?? {} });
    },
  });
});
const alice = { userId: 'usr_alice', clientId: 'https://agent.example/client.json', expiresAt: 1_800_009_000 };
const lease = async (
  of: object,
  { caller = alice, url, rejected }: { caller?: typeof alice; url?: string; rejected?: number } = {},
) => cloud.lease({ caller, ...configured(of, url), signingKey: await keyOf(), rejectedRevision: rejected });
const refusal = (reason: string) => ({
  type: 'refused',
  reason,
  message: expect.stringContaining('The cloud behind tools does not') as string,
});
const form = (at = 0) => new URLSearchParams(requests[at]?.body);
const json = (value: object, status = 200) => ({ status, body: JSON.stringify(value) });

describe('a role at AWS', () => {
  test('is assumed with a token of ours, in the name of the user, through the agent (R43, R79)', async () => {
    const policyArns = ['arn:aws:iam::aws:policy/ReadOnlyAccess'];
    expect(
      await lease({ ...aws, policyArns, lifetime: '30m', attribution: ['session-tags', 'source-identity'] }),
    ).toEqual({
      type: 'granted',
      headers: {},
      connectionId: null,
      connectionRevision: now,
      expiresInSeconds: 900,
      signings: [
        {
          method: 'aws-sigv4',
          accessKeyId: 'ASIA0000000000000001',
          secretAccessKey: 'c2VjcmV0LWtleS1vZi1hd3M=',
          sessionToken: 'c2Vzc2lvbi10b2tlbg==0',
          region: 'eu-central-1',
          service: 'execute-api',
        },
      ],
    });
    const { WebIdentityToken = '', ...fields } = Object.fromEntries(form());
    expect([requests[0]?.url, fields]).toEqual([
      'https://sts.eu-central-1.amazonaws.com/',
      {
        Action: 'AssumeRoleWithWebIdentity',
        Version: '2011-06-15',
        RoleArn: aws.roleArn,
        RoleSessionName: 'usr_alice',
        DurationSeconds: '1800',
        'PolicyArns.member.1.arn': policyArns[0],
      },
    ]);
    const tags = { SallyportUser: ['usr_alice'], SallyportAgent: ['https://agent.example/client.json'] };
    expect(decodeJwt(WebIdentityToken)).toMatchObject({
      iss: 'https://as.example',
      aud: 'sts.amazonaws.com',
      sub: 'usr_alice',
      act: { sub: alice.clientId },
      exp: 1_800_000_300,
      'https://aws.amazon.com/tags': { principal_tags: tags, transitive_tag_keys: ['SallyportUser', 'SallyportAgent'] },
      'https://aws.amazon.com/source_identity': 'usr_alice',
    });
    expect(told).toEqual([null]);
  });
  test('is asked for where the document says, without what the role does not permit', async () => {
    await lease({ ...aws, region: 'cn-north-1', attribution: [] });
    await lease({ ...aws, stsEndpoint: 'https://sts.internal.example/', audience: 'sallyport' });
    expect(requests.map(({ url }) => url)).toEqual([
      'https://sts.cn-north-1.amazonaws.com.cn/',
      'https://sts.internal.example/',
    ]);
    expect(
      Object.keys(decodeJwt(form().get('WebIdentityToken') ?? '')).some((name) => name.startsWith('https://')),
    ).toBe(false);
    expect(decodeJwt(form(1).get('WebIdentityToken') ?? '').aud).toBe('sallyport');
  });
  test('names its session by what AWS takes, and no two users alike (R34)', async () => {
    const names: string[] = [];
    for (const userId of ['a/b', 'a:b', `${'u'.repeat(70)}1`, `${'u'.repeat(70)}2`, 'ü']) {
      await lease(aws, { caller: { ...alice, userId } });
      names.push(form(requests.length - 1).get('RoleSessionName') ?? '');
    }
    expect(new Set(names).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_+=,.@-]{2,64}$/);
  });
  test('is held for one user through one agent, until near its end or until a server rejects it (R34) (S20)', async () => {
    const first = await lease(aws);
    expect(await lease(aws)).toEqual(first);
    for (const other of [
      { caller: { ...alice, userId: 'usr_bob' } },
      { caller: { ...alice, clientId: 'other' } },
      { url: `${origin}/moved` },
    ])
      expect(await lease(aws, other)).not.toEqual(first);
    expect(requests.length).toBe(4);
    now += 845_000;
    expect(await lease(aws)).not.toEqual(first);
    now += 61_000;
    await lease(aws, { rejected: now });
    expect(requests.length).toBe(6);
    expect(await lease(aws, { url: 'https://moved.example/mcp' })).toEqual({ type: 'refused', reason: 'token_origin' });
  });
  test("never outlives what was asked for, nor the agent's token, whatever AWS answers", async () => {
    answers = [
      { body: granted().replace(/<Expiration>[^<]+/, `<Expiration>${new Date(now + 86_400_000).toISOString()}`) },
    ];
    await lease(aws, { caller: { ...alice, expiresAt: now / 1000 + 100 } }).then((leased) =>
      expect(leased).toMatchObject({ expiresInSeconds: 100 }),
    );
    now += 900_000;
    await lease(aws);
    expect(requests.length).toBe(2);
  });
  test.each([
    [403, 'AccessDenied', 'cloud_role_refused'],
    [400, 'InvalidIdentityToken', 'cloud_identity_refused'],
    [400, 'ExpiredTokenException', 'cloud_identity_refused'],
    [400, 'PackedPolicyTooLarge', 'cloud_request_refused'],
    [403, 'RegionDisabledException', 'cloud_request_refused'],
  ])(
    'that is refused (%i %s) is refused to the caller, and not asked for again at once (R29)',
    async (status, code, reason) => {
      answers = [{ status, body: awsFailure(code) }];
      expect([await lease(aws), await lease(aws)]).toEqual([refusal(reason), refusal(reason)]);
      expect([requests.length, told]).toEqual([1, [code]]);
      now += 60_000;
      expect(await lease(aws)).toMatchObject({ type: 'granted' });
    },
  );
  test.each([
    ['a 503', { status: 503, body: '' }, 5, 'unavailable'],
    ['a 429 that says when', { status: 429, body: '', headers: { 'retry-after': '30' } }, 30, 'throttled'],
    [
      'keys of ours that AWS could not fetch',
      { status: 400, body: awsFailure('IDPCommunicationError') },
      5,
      'IDPCommunicationError',
    ],
    ['no connection', new SallyportError('outbound_unreachable', 'x'), 5, 'outbound_unreachable'],
  ])('is away with %s: later, for everybody (B4)', async (_what, answer, retryAfterSeconds, reason) => {
    answers = [answer];
    expect(await lease(aws)).toEqual({ type: 'provider_unavailable', retryAfterSeconds });
    expect(await lease(aws, { caller: { ...alice, userId: 'usr_bob' } })).toMatchObject({
      type: 'provider_unavailable',
    });
    expect([requests.length, told]).toEqual([1, [reason]]);
  });
  test('is not believed when the answer is no answer, and what it says reaches no trail (S30)', async () => {
    answers = [{ body: '<html>secret words</html>' }, { status: 400, body: '<Code>secret words</Code>' }];
    expect(await lease(aws)).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    expect(await lease(aws, { caller: { ...alice, userId: 'usr_bob' } })).toEqual(refusal('cloud_request_refused'));
    expect(told).toEqual(['malformed_answer', 'unknown_error']);
  });
});

describe('an identity at Google Cloud', () => {
  const token = (value = 'ya29.federated-token') =>
    json({ access_token: value, token_type: 'Bearer', expires_in: 3600 });
  test('is federated with a token of ours (R43) (R51)', async () => {
    answers = [token()];
    expect(await lease(google)).toEqual({
      type: 'granted',
      headers: { authorization: 'Bearer ya29.federated-token' },
      connectionId: null,
      connectionRevision: now,
      expiresInSeconds: 900,
    });
    expect(requests[0]?.url).toBe('https://sts.googleapis.com/v1/token');
    const { subject_token = '', ...fields } = Object.fromEntries(form());
    expect(fields).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience: `//iam.googleapis.com/${google.workloadIdentityProvider}`,
      scope: google.scopes[0],
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    expect(decodeJwt(subject_token)).toMatchObject({
      aud: `https://iam.googleapis.com/${google.workloadIdentityProvider}`,
      sub: 'usr_alice',
      act: { sub: alice.clientId },
    });
  });
  test("becomes a service account where one is named, and only that one's token goes to the server (R33)", async () => {
    answers = [
      token(),
      json({ accessToken: 'ya29.of-the-account', expireTime: new Date(now + 600_000).toISOString() }),
    ];
    expect(await lease({ ...google, serviceAccount: 'mcp@project.iam.gserviceaccount.com' })).toMatchObject({
      headers: { authorization: 'Bearer ya29.of-the-account' },
      expiresInSeconds: 600,
    });
    expect(requests[1]).toEqual({
      url: 'https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/mcp%40project.iam.gserviceaccount.com:generateAccessToken',
      body: JSON.stringify({ scope: google.scopes, lifetime: '900s' }),
      authorization: 'Bearer ya29.federated-token',
    });
  });
  test('that is refused says which of the two said no; what is away, or makes no sense, comes later (B4)', async () => {
    const account = { ...google, serviceAccount: 'mcp@project.iam.gserviceaccount.com' };
    const others = () => ({ caller: { ...alice, userId: `usr_${requests.length}` } });
    answers = [json({ error: 'invalid_grant', error_description: 'secret words' }, 400)];
    expect(await lease(google, others())).toEqual(refusal('cloud_identity_refused'));
    answers = [token(), json({ error: { code: 403, status: 'PERMISSION_DENIED', message: 'secret words' } }, 403)];
    expect(await lease(account, others())).toEqual(refusal('cloud_role_refused'));
    answers = [token(), json({ error: { code: 400, status: 'INVALID_ARGUMENT' } }, 400)];
    expect(await lease(account, others())).toEqual(refusal('cloud_request_refused'));
    answers = [json({ access_token: 'x', token_type: 'mac' })];
    expect(await lease(google, others())).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    answers = [token(), { status: 500, body: '' }];
    expect(await lease(account, others())).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 5 });
    expect(told).toEqual(['invalid_grant', 'PERMISSION_DENIED', 'INVALID_ARGUMENT', 'malformed_answer', 'unavailable']);
  });
});

test('a cloud is shown only tokens signed by the key for that (S6)', async () => {
  await expect(cloud.lease({ caller: alice, ...configured(aws), signingKey: await keyOf('at-1') })).rejects.toThrow(
    expect.objectContaining({ code: 'signing_key_purpose' }),
  );
  expect(requests).toEqual([]);
});

test.each([
  [{ ...aws, roleArn: 'arn:aws:iam::1:user/x' }, 'ARN of a role'],
  [{ ...aws, lifetime: '5m' }, 'between 15m and 1h'],
  [{ ...aws, lifetime: '2h' }, 'between 15m and 1h'],
  [{ ...aws, region: 'eu central' }, 'must be a region'],
  [{ ...google, workloadIdentityProvider: 'pool' }, 'workloadIdentityPools'],
  [{ ...google, scopes: [] }, 'Too small'],
])('a document that cannot be meant is refused when it is written: %j', (of, words) => {
  expect(JSON.stringify(read(of).error?.issues)).toContain(words);
});
