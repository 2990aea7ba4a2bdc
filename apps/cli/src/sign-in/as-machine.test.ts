import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld } from '../test/fake-world.js';
import { machineToken } from './as-machine.js';

const directory = mkdtempSync(join(tmpdir(), 'sallyport-machine-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const url = 'https://control.example';
const issuer = 'https://auth.example';

/** A control plane, its authorization server, and GitHub's token service. */
function answering(answer: () => Response) {
  const asked: { address: string; authorization: string | null; body: URLSearchParams }[] = [];
  const fetch: typeof globalThis.fetch = async (address, init) => {
    const { pathname } = new URL(address as string);
    if (pathname === '/.well-known/oauth-protected-resource/v1')
      return Response.json({ resource: `${url}/v1`, authorization_servers: [issuer] });
    if (pathname === '/.well-known/oauth-authorization-server')
      return Response.json({ issuer, token_endpoint: `${issuer}/token` });
    const body = new URLSearchParams(await new Response(init?.body ?? '').text());
    asked.push({
      address: address as string,
      authorization: new Headers(init?.headers).get('authorization'),
      body,
    });
    return pathname === '/actions' ? Response.json({ value: 'token-of-the-job' }) : answer();
  };
  return { fetch, asked };
}
const issued = () => Response.json({ access_token: 'access', token_type: 'Bearer', expires_in: 600 });

test('a token of its platform proves a machine agent, read anew from its file', async () => {
  writeFileSync(join(directory, 'token'), 'token-of-the-pod\n');
  const { fetch, asked } = answering(issued);
  const variables = { SALLYPORT_CLIENT_ASSERTION_FILE: 'token' };
  const token = await machineToken(fakeWorld({ directory, fetch, variables }), url, 'deploy');
  expect(token.reveal()).toBe('access');
  expect(Object.fromEntries(asked[0]?.body ?? [])).toEqual({
    grant_type: 'client_credentials',
    resource: `${url}/v1`,
    client_id: 'deploy',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: 'token-of-the-pod',
  });
});

test('in GitHub Actions the job asks for a token that is good at our issuer alone', async () => {
  const { fetch, asked } = answering(issued);
  const variables = {
    ACTIONS_ID_TOKEN_REQUEST_URL: 'https://github.example/actions?run=7',
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'asks-for-tokens',
  };
  await machineToken(fakeWorld({ directory, fetch, variables }), url, 'deploy');
  expect(asked[0]?.address).toBe(`https://github.example/actions?run=7&audience=${encodeURIComponent(issuer)}`);
  expect(asked[0]?.authorization).toBe('Bearer asks-for-tokens');
  expect(asked[1]?.body.get('client_assertion')).toBe('token-of-the-job');
});

test.each(['ec', 'ed25519', 'rsa'] as const)('a key of kind %s signs what proves it', async (kind) => {
  const { privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : kind === 'rsa'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ed25519');
  writeFileSync(join(directory, `${kind}.pem`), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const { fetch, asked } = answering(issued);
  const variables = { SALLYPORT_CLIENT_KEY_FILE: `${kind}.pem` };
  await machineToken(fakeWorld({ directory, fetch, variables }), url, 'deploy');
  const [, claims = ''] = asked[0]?.body.get('client_assertion')?.split('.') ?? [];
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    iss: 'deploy',
    sub: 'deploy',
    aud: issuer,
  });
});

test('without a proof nothing is asked (3), and who is refused reads why (5)', async () => {
  const { fetch, asked } = answering(() => Response.json({ error: 'invalid_client' }, { status: 401 }));
  await expect(machineToken(fakeWorld({ directory, fetch }), url, 'deploy')).rejects.toMatchObject({ exitCode: 3 });
  expect(asked).toEqual([]);
  const variables = { SALLYPORT_CLIENT_ASSERTION_FILE: 'token' };
  await expect(machineToken(fakeWorld({ directory, fetch, variables }), url, 'deploy')).rejects.toMatchObject({
    exitCode: 5,
    message: 'The machine agent deploy got no token: invalid_client.',
  });
});
