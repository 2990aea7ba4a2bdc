import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AwsSession {
  readonly role: string;
  readonly name: string;
  readonly user: string;
  readonly tags: Readonly<Record<string, readonly string[]>>;
  readonly policies: readonly string[];
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}
export interface GoogleToken {
  readonly user: string;
  readonly agent: string;
  readonly scopes: readonly string[];
  readonly account?: string;
}

/**
 * The token services of two clouds on loopback: each verifies our token for real, and has one role or service account
 * to give.
 */
export interface TestCloud {
  readonly origin: string;
  readonly sessions: Map<string, AwsSession>;
  readonly googleTokens: Map<string, GoogleToken>;
  readonly requests: { readonly path: string; readonly body: string; readonly authorization: string | undefined }[];
  /** Every secret it handed out. */
  secrets(): Record<string, string>;
  /** Replaces the next answers, first come first served; `drop` ends the connection. */
  readonly faults: (
    | { readonly status: number; readonly body: string; readonly headers?: Record<string, string> }
    | 'drop'
  )[];
  close(): Promise<void>;
}

export interface CloudTrust {
  readonly issuer: string;
  readonly publicJwk: Record<string, unknown>;
  readonly roleArn: string;
  readonly workloadIdentityProvider: string;
  readonly serviceAccount: string;
}

export const awsFailure = (code: string, message = 'said by the cloud') =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <Error>\n    <Type>Sender</Type>\n    ` +
  `<Code>${code}</Code>\n    <Message>${message}</Message>\n  </Error>\n  <RequestId>1</RequestId>\n</ErrorResponse>`;

export async function startTestCloud(trust: CloudTrust): Promise<TestCloud> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const path = request.url ?? '';
      cloud.requests.push({ path, body, authorization: request.headers.authorization });
      const fault = cloud.faults.shift();
      if (fault === 'drop') return void response.destroy();
      const {
        status,
        body: text,
        headers = {},
      }: { status: number; body: string; headers?: Record<string, string> } = fault ??
      (path === '/aws'
        ? assumeRole(new URLSearchParams(body))
        : path === '/google/token'
          ? exchange(new URLSearchParams(body))
          : impersonate(path, request.headers.authorization, body));
      response
        .writeHead(status, { 'content-type': path === '/aws' ? 'text/xml' : 'application/json', ...headers })
        .end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cloud: TestCloud = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sessions: new Map(),
    googleTokens: new Map(),
    requests: [],
    faults: [],
    secrets: () =>
      Object.fromEntries([
        ...[...cloud.sessions.values()].flatMap((session, at) => [
          [`secret key ${at}`, session.secretAccessKey],
          [`session token ${at}`, session.sessionToken],
        ]),
        ...[...cloud.googleTokens.keys()].map((token, at) => [`token ${at}`, token]),
      ] as [string, string][]),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  function assumeRole(form: URLSearchParams) {
    if (form.get('Action') !== 'AssumeRoleWithWebIdentity' || form.get('Version') !== '2011-06-15')
      return { status: 400, body: awsFailure('InvalidAction') };
    const claims = claimsOf(form.get('WebIdentityToken') ?? '', trust, 'sts.amazonaws.com');
    if (claims === undefined) return { status: 400, body: awsFailure('InvalidIdentityToken') };
    const role = form.get('RoleArn') ?? '';
    if (role !== trust.roleArn)
      return {
        status: 403,
        body: awsFailure('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity'),
      };
    const name = form.get('RoleSessionName') ?? '';
    if (!/^[\w+=,.@-]{2,64}$/.test(name)) return { status: 400, body: awsFailure('ValidationError') };
    const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`;
    const tags =
      (claims['https://aws.amazon.com/tags'] as { principal_tags?: Record<string, string[]> } | undefined)
        ?.principal_tags ?? {};
    const expiresAt = Math.floor(Date.now() / 1000) * 1000 + Number(form.get('DurationSeconds')) * 1000;
    const session: AwsSession = {
      role,
      name,
      user: String(claims['sub']),
      tags,
      policies: [...form].flatMap(([field, value]) => (field.startsWith('PolicyArns.') ? [value] : [])),
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: randomBytes(120).toString('base64'),
      expiresAt,
    };
    cloud.sessions.set(accessKeyId, session);
    const credentials = `<SessionToken>${session.sessionToken}</SessionToken>\n<SecretAccessKey>${session.secretAccessKey}</SecretAccessKey>\n<Expiration>${new Date(expiresAt).toISOString().replace('.000Z', 'Z')}</Expiration>\n<AccessKeyId>${accessKeyId}</AccessKeyId>`;
    return {
      status: 200,
      body:
        `<AssumeRoleWithWebIdentityResponse ` +
        `xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n<AssumeRoleWithWebIdentityResult>\n<Audience>sts.amazonaws.com</Audience>\n<AssumedRoleUser><AssumedRoleId>AROA:${name}</AssumedRoleId><Arn>${role}/${name}</Arn></AssumedRoleUser>\n<Credentials>\n${credentials}\n</Credentials>\n</AssumeRoleWithWebIdentityResult>\n</AssumeRoleWithWebIdentityResponse>`,
    };
  }

  function exchange(form: URLSearchParams) {
    const refuse = (error: string) => ({
      status: 400,
      body: JSON.stringify({ error, error_description: 'said by the cloud' }),
    });
    if (
      form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange' ||
      form.get('subject_token_type') !== 'urn:ietf:params:oauth:token-type:jwt'
    )
      return refuse('invalid_request');
    if (form.get('audience') !== `//iam.googleapis.com/${trust.workloadIdentityProvider}`)
      return refuse('invalid_target');
    const claims = claimsOf(
      form.get('subject_token') ?? '',
      trust,
      `https://iam.googleapis.com/${trust.workloadIdentityProvider}`,
    );
    if (claims === undefined) return refuse('invalid_grant');
    const token = `ya29.d.${randomBytes(24).toString('base64url')}`;
    cloud.googleTokens.set(token, {
      user: String(claims['sub']),
      agent: String((claims['act'] as { sub?: unknown } | undefined)?.sub),
      scopes: (form.get('scope') ?? '').split(' '),
    });
    return {
      status: 200,
      body: JSON.stringify({
        access_token: token,
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        token_type: 'Bearer',
        expires_in: 3600,
      }),
    };
  }

  function impersonate(path: string, authorization: string | undefined, body: string) {
    const refuse = (code: number, status: string) => ({
      status: code,
      body: JSON.stringify({ error: { code, message: 'said by the cloud', status } }),
    });
    const from = cloud.googleTokens.get(authorization?.replace('Bearer ', '') ?? '');
    if (from === undefined) return refuse(401, 'UNAUTHENTICATED');
    if (path !== `/v1/projects/-/serviceAccounts/${encodeURIComponent(trust.serviceAccount)}:generateAccessToken`)
      return refuse(403, 'PERMISSION_DENIED');
    const { scope, lifetime } = JSON.parse(body) as { scope: string[]; lifetime: string };
    const accessToken = `ya29.c.${randomBytes(24).toString('base64url')}`;
    cloud.googleTokens.set(accessToken, { ...from, scopes: scope, account: trust.serviceAccount });
    return {
      status: 200,
      body: JSON.stringify({
        accessToken,
        expireTime: new Date(Date.now() + Number.parseInt(lifetime, 10) * 1000).toISOString(),
      }),
    };
  }
  return cloud;
}

/** As a cloud checks a token of an identity provider it knows: ES256, issuer, audience, time. */
function claimsOf(
  token: string,
  { issuer, publicJwk }: CloudTrust,
  audience: string,
): Record<string, unknown> | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const key = createPublicKey({ format: 'jwk', key: publicJwk });
  if (
    !verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    )
  )
    return undefined;
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const isNow = Number(claims['iat']) <= Date.now() / 1000 + 5 && Number(claims['exp']) > Date.now() / 1000;
  return claims['iss'] === issuer && claims['aud'] === audience && isNow ? claims : undefined;
}
