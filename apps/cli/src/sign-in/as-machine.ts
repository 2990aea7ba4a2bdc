import { Secret } from '@sallyport/kernel';
import { createPrivateKey, webcrypto, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import * as oauth from 'oauth4webapi';
import { z } from 'zod';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { findSignInServer, whyOf } from './sign-in-server.js';

/** What of a machine agent the environment names. */
type Machine = Pick<World['environment'], 'SALLYPORT_CLIENT_KEY_FILE' | 'SALLYPORT_CLIENT_ASSERTION_FILE'>;

/**
 * The token of a machine agent, for pipelines: it proves who it is with a token of its platform (a file, or what GitHub
 * Actions issues to the job) or with a key of its own.
 * @throws CliError when it has no proof, or the authorization server refuses it
 */
export async function machineToken(world: World, url: string, clientId: string): Promise<Secret> {
  const { server, resource, options } = await findSignInServer(world, url);
  const client: oauth.Client = { client_id: clientId };
  try {
    const proof = await proofOf(world, server.issuer);
    const response = await oauth.clientCredentialsGrantRequest(server, client, proof, { resource }, options);
    const { access_token: token } = await oauth.processClientCredentialsResponse(server, client, response);
    return new Secret(token);
  } catch (cause) {
    if (cause instanceof CliError || world.signal.aborted) throw cause;
    const isRefusal = cause instanceof oauth.ResponseBodyError;
    throw new CliError(
      isRefusal ? EXIT.refused : EXIT.failed,
      `The machine agent ${clientId} got no token: ${whyOf(cause)}.`,
      ['docs/machine-agents.md says how one proves who it is.'],
      { cause },
    );
  }
}

async function proofOf(world: World, issuer: string): Promise<oauth.ClientAuth> {
  const { SALLYPORT_CLIENT_KEY_FILE: keyFile, SALLYPORT_CLIENT_ASSERTION_FILE: tokenFile }: Machine = world.environment;
  if (keyFile !== undefined) return oauth.PrivateKeyJwt(await importKey(await read(world, keyFile)));
  const assertion = tokenFile === undefined ? await actionsToken(world, issuer) : (await read(world, tokenFile)).trim();
  return (_server, { client_id: clientId }, body) => {
    body.set('client_id', clientId);
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    body.set('client_assertion', assertion);
  };
}

const ActionsToken = z.object({ value: z.string().min(1) });

/** What GitHub Actions issues to a job that has `id-token: write`. */
async function actionsToken(world: World, issuer: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = world.variables;
  if (url === undefined || token === undefined)
    throw new CliError(EXIT.invalid, 'SALLYPORT_CLIENT_ID names a machine agent, and nothing proves who it is.', [
      'Name its key (SALLYPORT_CLIENT_KEY_FILE) or a token of its platform (SALLYPORT_CLIENT_ASSERTION_FILE);',
      'in GitHub Actions give the job `permissions: { id-token: write }`.',
    ]);
  const asked = new URL(url);
  asked.searchParams.set('audience', issuer);
  const response = await world.fetch(asked.href, {
    headers: { authorization: `Bearer ${token}` },
    redirect: 'error',
    signal: world.signal,
  });
  return ActionsToken.parse(await response.json()).value;
}

const ALGORITHMS = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256' },
  'P-384': { name: 'ECDSA', namedCurve: 'P-384' },
  Ed25519: { name: 'Ed25519' },
  RSA: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const;

/** A private key, in PEM (PKCS#8 and its kin) or as a JWK. */
async function importKey(text: string): Promise<webcrypto.CryptoKey> {
  const key = text.trimStart().startsWith('{')
    ? createPrivateKey({ key: JSON.parse(text) as JsonWebKey, format: 'jwk' })
    : createPrivateKey(text);
  const jwk = key.export({ format: 'jwk' });
  const algorithm = ALGORITHMS[(jwk.crv ?? jwk.kty) as keyof typeof ALGORITHMS];
  if (algorithm === undefined)
    throw new CliError(
      EXIT.invalid,
      'The key of the machine agent is of another kind than RSA, P-256, P-384, Ed25519.',
    );
  return await webcrypto.subtle.importKey('jwk', jwk, algorithm, false, ['sign']);
}

async function read({ directory }: World, file: string): Promise<string> {
  try {
    return await readFile(resolve(directory, file), 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new CliError(EXIT.refused, `${file} cannot be read (${code}).`, [], { cause });
  }
}
