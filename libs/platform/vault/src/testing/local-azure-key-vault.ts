import {
  constants,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { createTestAuthority, startHttpsServer } from '@sallyport/testing/servers';
import { createAzureKeyVaultWrapper } from '../kms/azure-key-vault-wrapper.js';
import { calm, listener, type LocalKms } from './local-keys.js';

const VERSION = '0123456789abcdef0123456789abcdef';
const TOKEN = 'local-entra-token';
const bytes = (value: string | undefined) => Buffer.from(value ?? '', 'base64url');

/**
 * Azure Key Vault keys: https only, a challenge that says where to get a token, RSA-OAEP-256 and PS256, nested error
 * codes.
 */
export async function startLocalAzureKeyVault(): Promise<LocalKms> {
  const keys = new Map(['first', 'second'].map((name) => [name, generateKeyPairSync('rsa', { modulusLength: 2048 })]));
  const behaviour = calm();
  const authority = await createTestAuthority();
  const server = await startHttpsServer(
    authority,
    listener((request, body, answer) => {
      const fail = (status: number, code: string, inner?: string) =>
        answer(status, {
          error: {
            code,
            message: `internal words about ${inner ?? code}`,
            ...(inner === undefined ? {} : { innererror: { code: inner } }),
          },
        });
      if (behaviour.isBroken) return fail(500, 'InternalError');
      if (behaviour.throttled > 0) {
        behaviour.throttled -= 1;
        return answer(429, { error: { code: 'Throttled', message: 'internal words' } }, { 'retry-after': '0' });
      }
      if (request.headers.authorization === undefined)
        return answer(
          401,
          { error: { code: 'Unauthorized', message: 'AKV10000' } },
          { 'www-authenticate': `Bearer authorization="https://login.local/tenant", resource="${server.origin}"` },
        );
      if (request.headers.authorization !== `Bearer ${TOKEN}`) return fail(401, 'Unauthorized');
      behaviour.authenticated += 1;
      if (behaviour.isForbidden) return fail(403, 'Forbidden', 'ForbiddenByPolicy');
      const { pathname, searchParams } = new URL(request.url ?? '', server.origin);
      const [, name = '', version, operation] = /^\/keys\/([^/]+)\/([^/]+)(?:\/(\w+))?$/.exec(pathname) ?? [];
      const pair = keys.get(name);
      if (!pair || version !== VERSION || !searchParams.has('api-version')) return fail(404, 'KeyNotFound');
      const kid = `${server.origin}/keys/${name}/${VERSION}`;
      if (request.method === 'GET')
        return answer(200, {
          key: { kid, kty: 'RSA', key_ops: ['wrapKey', 'unwrapKey', 'sign', 'verify'], ...publicPart(pair.publicKey) },
          attributes: { enabled: !behaviour.isDisabled },
        });
      if (behaviour.isDisabled) return fail(403, 'Forbidden', 'KeyDisabled');
      const { alg, value, digest } = JSON.parse(body) as { alg: string; value?: string; digest?: string };
      const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
      const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
      const isExpected = alg === (operation?.endsWith('key') ? 'RSA-OAEP-256' : 'PS256');
      if (!isExpected) return fail(400, 'BadParameter');
      switch (operation) {
        case 'wrapkey':
          return answer(200, {
            kid,
            value: publicEncrypt({ key: pair.publicKey, ...oaep }, bytes(value)).toString('base64url'),
          });
        case 'unwrapkey':
          try {
            return answer(200, {
              kid,
              value: privateDecrypt({ key: pair.privateKey, ...oaep }, bytes(value)).toString('base64url'),
            });
          } catch (error) {
            return fail(400, 'BadParameter', error instanceof Error ? 'Decrypt' : undefined);
          }
        case 'sign':
          // The service is handed a digest; Node signs messages, so the padding is put on the digest itself.
          return answer(200, { kid, value: signDigest(pair.privateKey, bytes(value), pss).toString('base64url') });
        case 'verify':
          return answer(200, { value: verifyDigest(pair.publicKey, bytes(digest), bytes(value), pss) });
        default:
          return fail(404, 'NotFound');
      }
    }),
  );
  const idOf = (name: string) => `${server.origin}/keys/${name}/${VERSION}`;
  const wrapper = (name: string, token = TOKEN) =>
    createAzureKeyVaultWrapper(`azure-keyvault:${idOf(name)}`, idOf(name), {
      credential: { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) },
      disableChallengeResourceVerification: true,
      tlsOptions: { ca: authority.certificate },
      retryOptions: { maxRetries: 2, retryDelayInMs: 5, maxRetryDelayInMs: 10 },
    });
  return {
    wrapper: (name = 'first') => wrapper(name),
    stranger: () => wrapper('first', 'another-token'),
    behaviour,
    stop: () => server.close(),
  };
}

function publicPart(key: KeyObject): { n: string | undefined; e: string | undefined } {
  const { n, e } = key.export({ format: 'jwk' });
  return { n, e };
}

type Padding = { padding: number; saltLength: number };
const signDigest = (key: KeyObject, digest: Buffer, padding: Padding): Buffer =>
  sign('sha256', digest, { key, ...padding });
const verifyDigest = (key: KeyObject, digest: Buffer, signature: Buffer, padding: Padding): boolean =>
  verify('sha256', digest, { key, ...padding }, signature);
