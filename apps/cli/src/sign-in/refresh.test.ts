import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld } from '../test/fake-world.js';
import { signedInToken } from './refresh.js';
import { keepSignedIn } from './signed-in.js';

const home = mkdtempSync(join(tmpdir(), 'sallyport-sign-in-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const url = 'https://control.example';
const issuer = 'https://auth.example';

/** A control plane and its authorization server, as far as a refresh needs them. */
function server(refresh: (body: URLSearchParams) => Response) {
  const bodies: URLSearchParams[] = [];
  const fetch: typeof globalThis.fetch = async (address, init) => {
    switch (new URL(address as string).pathname) {
      case '/.well-known/oauth-protected-resource/v1':
        return Response.json({ resource: `${url}/v1`, authorization_servers: [issuer] });
      case '/.well-known/oauth-authorization-server':
        return Response.json({ issuer, token_endpoint: `${issuer}/token` });
      default: {
        const body = new URLSearchParams(await new Response(init?.body ?? '').text());
        bodies.push(body);
        return refresh(body);
      }
    }
  };
  return { fetch, bodies };
}
const tokens = (expires: number) => ({
  access_token: 'access-1',
  refresh_token: 'refresh-1',
  token_type: 'bearer' as const,
  expires_in: expires,
});

test('a sign-in is kept for its owner alone, and is good for the address it was made for', async () => {
  const world = fakeWorld({ home });
  await keepSignedIn(world, 'prod', url, tokens(900));
  const file = join(home, '.config/sallyport/sign-ins/prod.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await signedInToken(world, 'prod', url))?.reveal()).toBe('access-1');
  expect(await signedInToken(world, 'prod', 'https://evil.example')).toBeUndefined();
  expect(await signedInToken(world, 'other', url)).toBeUndefined();
});

test('a token that ends is refreshed for the same resource, and its successor is kept', async () => {
  const { fetch, bodies } = server(() =>
    Response.json({ access_token: 'access-2', refresh_token: 'refresh-2', token_type: 'Bearer', expires_in: 900 }),
  );
  const world = fakeWorld({ home, fetch });
  await keepSignedIn(world, 'prod', url, tokens(10));
  expect((await signedInToken(world, 'prod', url))?.reveal()).toBe('access-2');
  expect(Object.fromEntries(bodies[0] ?? [])).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'refresh-1',
    client_id: 'sallyport-cli',
    resource: `${url}/v1`,
  });
  expect(readFileSync(join(home, '.config/sallyport/sign-ins/prod.json'), 'utf8')).toContain('refresh-2');
});

test('a sign-in that is over is said, with what to do: 5', async () => {
  const { fetch } = server(() => Response.json({ error: 'invalid_grant' }, { status: 400 }));
  const world = fakeWorld({ home, fetch });
  await keepSignedIn(world, 'prod', url, tokens(10));
  await expect(signedInToken(world, 'prod', url)).rejects.toMatchObject({
    exitCode: 5,
    message: 'Your sign-in of context prod is over: invalid_grant.',
    advice: ['Sign in again: sallyport login'],
  });
});

test('a resource that says it is another one is refused: its tokens would be good there', async () => {
  const fetch: typeof globalThis.fetch = () =>
    Promise.resolve(Response.json({ resource: 'https://evil.example/v1', authorization_servers: [issuer] }));
  const world = fakeWorld({ home, fetch });
  await keepSignedIn(world, 'prod', url, tokens(10));
  await expect(signedInToken(world, 'prod', url)).rejects.toMatchObject({ exitCode: 1 });
});
