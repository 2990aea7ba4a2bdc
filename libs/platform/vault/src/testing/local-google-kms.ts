import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createGoogleKmsWrapper } from '../kms/google-kms-wrapper.js';
import { calm, listener, listenLocally, LocalKeys, type LocalKms } from './local-keys.js';

const nameOf = (key: string) => `projects/local/locations/europe-west3/keyRings/sallyport/cryptoKeys/${key}`;
const newIdentity = () =>
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/**
 * Google Cloud KMS: REST with JSON, errors as google.rpc.Status, a service account's self-signed JWT on every request.
 */
export async function startLocalGoogleKms(): Promise<LocalKms> {
  const keys = new LocalKeys();
  for (const key of ['first', 'second']) keys.add(nameOf(key));
  const behaviour = calm();
  const privateKey = newIdentity();
  const server = await listenLocally(
    listener((request, body, answer) => {
      const fail = (code: number, status: string) =>
        answer(code, { error: { code, status, message: `internal words about ${status}` } });
      if (behaviour.isBroken) return fail(500, 'INTERNAL');
      if (behaviour.throttled > 0) {
        behaviour.throttled -= 1;
        return fail(429, 'RESOURCE_EXHAUSTED');
      }
      if (!isSignedBy(privateKey, request)) return fail(401, 'UNAUTHENTICATED');
      behaviour.authenticated += 1;
      if (behaviour.isForbidden) return fail(403, 'PERMISSION_DENIED');
      const [, name = '', operation] =
        /^\/v1\/(projects\/.+):(encrypt|decrypt)(?:\?|$)/.exec(decodeURIComponent(request.url ?? '')) ?? [];
      if (!keys.has(name)) return fail(404, 'NOT_FOUND');
      if (behaviour.isDisabled) return fail(400, 'FAILED_PRECONDITION');
      const input = JSON.parse(body) as {
        plaintext?: string;
        ciphertext?: string;
        additionalAuthenticatedData?: string;
      };
      const aad = Buffer.from(input.additionalAuthenticatedData ?? '', 'base64');
      if (operation === 'encrypt')
        return answer(200, {
          name: `${name}/cryptoKeyVersions/1`,
          ciphertext: keys.seal(name, Buffer.from(input.plaintext ?? '', 'base64'), aad).toString('base64'),
          protectionLevel: 'SOFTWARE',
        });
      const plaintext = keys.open(name, Buffer.from(input.ciphertext ?? '', 'base64'), aad);
      if (!plaintext) return fail(400, 'INVALID_ARGUMENT');
      answer(200, { plaintext: plaintext.toString('base64'), usedPrimary: true, protectionLevel: 'SOFTWARE' });
    }),
  );
  const wrapper = (key: string, pem = privateKey) =>
    createGoogleKmsWrapper(`google-kms:${nameOf(key)}`, nameOf(key), {
      apiEndpoint: '127.0.0.1',
      port: server.port,
      protocol: 'http',
      projectId: 'local',
      credentials: { client_email: 'sallyport@local.iam.gserviceaccount.com', private_key: pem },
    });
  return {
    wrapper: (key = 'first') => wrapper(key),
    stranger: () => wrapper('first', newIdentity()),
    behaviour,
    stop: () => server.stop(),
  };
}

function isSignedBy(pem: string, request: IncomingMessage): boolean {
  const [header, claims, signature] = (/^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '').split('.');
  if (header === undefined || claims === undefined || signature === undefined) return false;
  const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number };
  return (
    exp > Date.now() / 1000 &&
    verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), createPublicKey(pem), Buffer.from(signature, 'base64url'))
  );
}
