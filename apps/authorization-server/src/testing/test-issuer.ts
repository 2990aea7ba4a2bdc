import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/**
 * Somebody who signs: a cluster, a CI, a company's identity provider. What it publishes can be bent, one thing at a
 * time.
 */
export interface TestIssuer {
  readonly url: string;
  /** Paths asked for, in order. */
  readonly requests: string[];
  bend: { issuer?: string; oversized?: boolean; down?: boolean };
  /** The published public keys. */
  readonly keys: readonly JWK[];
  /** `iat` now and `exp` in five minutes unless the claims say otherwise; undefined leaves a claim out. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>, key?: CryptoKey): Promise<string>;
  /** Signs with another key from now on; the earlier one is no longer published. */
  rotate(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestIssuer({ use = 'sig' }: { use?: string } = {}): Promise<TestIssuer> {
  let generation = 0;
  let signing: CryptoKey;
  let keys: JWK[] = [];
  const rotate = async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256');
    signing = privateKey;
    keys = [{ ...(await exportJWK(publicKey)), kid: `key-${(generation += 1)}`, alg: 'RS256', use }];
  };
  await rotate();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    if (issuer.bend.down) return void response.writeHead(503).end();
    const document =
      request.url === '/.well-known/openid-configuration'
        ? { issuer: issuer.bend.issuer ?? issuer.url, jwks_uri: `${issuer.url}/jwks` }
        : { keys, ...(issuer.bend.oversized ? { padding: 'x'.repeat(300 * 1024) } : {}) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    bend: {},
    get keys() {
      return keys;
    },
    sign: (claims, header = {}, key = signing) => {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: issuer.url, iat: now, exp: now + 300, ...claims };
      return new SignJWT(Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)))
        .setProtectedHeader({ alg: 'RS256', kid: `key-${generation}`, ...header })
        .sign(key);
    },
    rotate,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}
