import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { createVaultTransitWrapper } from '../kms/vault-transit-wrapper.js';
import { calm, listener, listenLocally, LocalKeys, type LocalKms } from './local-keys.js';

const TOKEN = 'hvs.local-token';

/** HashiCorp Vault's transit engine: `X-Vault-Token`, `vault:v1:` ciphertexts, `{ errors: [] }`. */
export async function startLocalVaultTransit(): Promise<
  LocalKms & { /** As an operator names its first key. */ readonly key: string; readonly tokenFile: string }
> {
  const keys = new LocalKeys();
  for (const key of ['first', 'second']) keys.add(key);
  const behaviour = calm();
  const scratch = makeScratch('transit');
  const tokenFile = (name: string, token: string) => {
    writeFileSync(join(scratch, name), `${token}\n`, { mode: 0o600 });
    return join(scratch, name);
  };
  const server = await listenLocally(
    listener((request, body, answer) => {
      const fail = (status: number, ...errors: string[]) => answer(status, { errors });
      if (behaviour.isBroken) return fail(503, 'Vault is sealed');
      if (behaviour.throttled > 0) {
        behaviour.throttled -= 1;
        return fail(429, 'request path "transit/": rate limit quota exceeded');
      }
      if (request.headers['x-vault-token'] !== TOKEN) return fail(403, 'permission denied');
      behaviour.authenticated += 1;
      if (behaviour.isForbidden) return fail(403, '1 error occurred:\n\t* permission denied\n\n');
      const [, operation, key = ''] =
        /^\/v1\/team\/transit\/(encrypt|decrypt)\/([^/?]+)$/.exec(request.url ?? '') ?? [];
      if (operation === undefined) return fail(404, 'no handler for route');
      if (!keys.has(key) || behaviour.isDisabled) return fail(400, 'encryption key not found');
      const input = JSON.parse(body) as { plaintext?: string; ciphertext?: string; associated_data?: string };
      const aad = Buffer.from(input.associated_data ?? '', 'base64');
      if (operation === 'encrypt')
        return answer(200, {
          request_id: 'r-1',
          data: {
            ciphertext: `vault:v1:${keys.seal(key, Buffer.from(input.plaintext ?? '', 'base64'), aad).toString('base64')}`,
            key_version: 1,
          },
        });
      const [, blob] = /^vault:v1:(.+)$/.exec(input.ciphertext ?? '') ?? [];
      if (blob === undefined) return fail(400, 'invalid ciphertext: no prefix');
      const plaintext = keys.open(key, Buffer.from(blob, 'base64'), aad);
      if (!plaintext) return fail(400, 'cipher: message authentication failed');
      answer(200, { request_id: 'r-1', data: { plaintext: plaintext.toString('base64') } });
    }),
  );
  const wrapper = async (key: string, file = tokenFile('token', TOKEN)) =>
    createVaultTransitWrapper(`vault-transit:${key}`, new URL(`${server.origin}/team/transit/keys/${key}`), {
      tokenFile: file,
    });
  return {
    key: `vault-transit:${server.origin}/team/transit/keys/first`,
    tokenFile: tokenFile('token', TOKEN),
    wrapper: (key = 'first') => wrapper(key),
    stranger: () => wrapper('first', tokenFile('another-token', 'hvs.another')),
    behaviour,
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}
