import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { startSingleUseProvider, type ProviderAnswer, type SingleUseProvider } from './single-use-provider.js';

/** The cookie by which a browser says here who sits in front of it. */
export const PERSON_COOKIE = 'person';
const KEYS = '/jwks';

/** A single-use provider at which people sign in. The owner of a grant is a person and a number: `usr_1/3`. */
export interface FaultyIdentityProvider extends SingleUseProvider {
  /** The person has left: none of their grants is good any more, and they cannot sign in. */
  dismiss(person: string): void;
  /** While this is true, `/jwks` answers 503. */
  areKeysAway: boolean;
  /** What is signed from now on is signed with a new key. */
  rotateKey(): Promise<void>;
}

export const personOf = (owner: string): string => owner.split('/', 1)[0] ?? '';

/**
 * An OpenID provider (OpenID Connect Core section 3.1) with the refresh tokens, and the faults, of a single-use
 * provider.
 */
export async function startFaultyIdentityProvider(options: {
  graceMs: number;
  random: () => number;
}): Promise<FaultyIdentityProvider> {
  const keys: { kid: string; privateKey: CryptoKey; publicJwk: JWK }[] = [];
  const grants = new Map<string, string[]>();
  const dismissed = new Set<string>();
  const codes = new Map<string, { readonly person: string; readonly nonce: string }>();
  const nonces = new Map<string, string>();

  const rotateKey = async (): Promise<void> => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const kid = `idp-${keys.length + 1}`;
    keys.push({ kid, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' } });
  };
  const authorize = (url: URL, request: IncomingMessage): ProviderAnswer => {
    const person = new RegExp(`(?:^|; )${PERSON_COOKIE}=([^;]+)`).exec(request.headers.cookie ?? '')?.[1] ?? '';
    const back = new URL(url.searchParams.get('redirect_uri') ?? '');
    back.searchParams.set('state', url.searchParams.get('state') ?? '');
    if (dismissed.has(person)) back.searchParams.set('error', 'access_denied');
    else {
      const code = randomUUID();
      codes.set(code, { person, nonce: url.searchParams.get('nonce') ?? '' });
      back.searchParams.set('code', code);
    }
    return { status: 303, headers: { location: back.href } };
  };
  const page = (url: URL, request: IncomingMessage): ProviderAnswer | undefined => {
    if (url.pathname === '/authorize') return authorize(url, request);
    if (url.pathname === '/.well-known/openid-configuration') return { status: 200, body: metadataOf(provider.origin) };
    if (url.pathname !== KEYS) return undefined;
    return provider.areKeysAway
      ? { status: 503 }
      : { status: 200, body: { keys: keys.map(({ publicJwk }) => publicJwk) } };
  };
  /** A code is good once, and its grant is the next of that person. */
  const begin = (form: URLSearchParams): string | undefined => {
    const code = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    if (!code || dismissed.has(code.person)) return undefined;
    const owners = grants.get(code.person) ?? [];
    const owner = `${code.person}/${owners.length + 1}`;
    grants.set(code.person, [...owners, owner]);
    nonces.set(owner, code.nonce);
    return owner;
  };
  const members = async (owner: string): Promise<Record<string, unknown>> => {
    const key = keys.at(-1);
    if (!key) throw new Error('no key');
    const sub = personOf(owner);
    const claims = { email: `${sub}@example.com`, email_verified: true, name: sub, groups: ['everybody'] };
    const nonce = nonces.get(owner);
    nonces.delete(owner); // a refreshed ID token has none
    const idToken = new SignJWT({ ...claims, ...(nonce === undefined ? {} : { nonce }) })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .setSubject(sub)
      .setIssuer(provider.origin)
      .setAudience(provider.clientId)
      .setIssuedAt()
      .setExpirationTime('5m');
    return { id_token: await idToken.sign(key.privateKey) };
  };

  await rotateKey();
  const accessTokenSeconds = 300;
  const further = { page: (url: URL, request: IncomingMessage) => Promise.resolve(page(url, request)), begin, members };
  const tokens = await startSingleUseProvider({ ...options, accessTokenSeconds, further });
  const provider: FaultyIdentityProvider = Object.assign(tokens, {
    areKeysAway: false,
    rotateKey,
    dismiss(person: string) {
      dismissed.add(person);
      for (const owner of grants.get(person) ?? []) tokens.end(owner);
    },
  });
  return provider;
}

const metadataOf = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}${KEYS}`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['ES256'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['none'],
});
