import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLeaseAnswer, sealLeaseRequest } from '@sallyport/lease';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { namedId, newId } from '@sallyport/kernel';
import {
  ensureDeploymentKeys,
  loadEncryptionKey,
  loadSigningKey,
  loadVerifyingKey,
  type DeploymentKeyFiles,
} from '@sallyport/keys';
import { subjects, type CredentialChanged } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { startTestOAuthServer, type TestOAuthServer } from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { ControlPlaneConfig } from '../config.js';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from './test-config.js';
import { expectDeclared } from './declared-answer.js';

export { ADMIN_TOKEN } from './test-config.js';
export const GATEWAY = 'http://127.0.0.1:7400';
export const alice = { userId: newId('usr'), sid: newId('ses'), clientId: 'https://agent.example/client.json' };
export const bob = { userId: newId('usr'), sid: newId('ses'), clientId: 'https://agent.example/client.json' };
export const alicesOtherAgent = {
  userId: alice.userId,
  sid: newId('ses'),
  clientId: 'https://other.example/client.json',
};
/** The control plane's: while it stands still, what fills again with time does not. */
export const clock: { stoppedAt: number | undefined } = { stoppedAt: undefined };
export type Person = { userId: string; sid: string; clientId: string };

let directory: string;
export let keys: DeploymentKeyFiles;
let postgres: TestPostgres;
export let database: Database;
export let messaging: Messaging;
export let as: TestOAuthServer;
export let notes: TestOAuthServer;
let service: RunningService | undefined;
export let url: string;
export let log: string[];
export let changed: CredentialChanged[];
/** Everything any browser received. */
export let shown: string[];

/** Read at a start: what the credential provider says besides, and further documents of the file. */
export const declared = { providerClient: '', further: '' };

const file = (notesUrl: string) => `
kind: McpServer
name: notes
spec: { title: "Notes <b>", url: ${notesUrl} }
---
kind: McpServer
name: whoami
spec: { url: "https://whoami.example/mcp" }
---
kind: CredentialProvider
name: notes-user
spec: { type: mcp-user-oauth, server: notes${declared.providerClient} }
---
kind: CredentialProvider
name: whoami-token
spec: { type: gateway-token, server: whoami, scopes: [whoami.read] }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway }
---
kind: AccessPolicy
name: notes-policy
spec: { hop: gateway-to-server, server: notes, credentialProvider: notes-user }
---
kind: AccessPolicy
name: whoami-policy
spec: { hop: gateway-to-server, server: whoami, credentialProvider: whoami-token }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, http: true }] }
${declared.further}`;

/** A control plane, two OAuth servers and a database for each test of the file. */
/** @param startPostgres a server of its own, for tests in which it is away */
export function deployForEachTest(startPostgres: () => Promise<TestPostgres> = startTestPostgres): void {
  beforeAll(async () => {
    directory = makeScratch('connect');
    keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
  });
  afterAll(() => removeScratch(directory));
  beforeEach(async () => {
    [postgres, as, notes] = await Promise.all([startPostgres(), startTestOAuthServer(), startTestOAuthServer()]);
    database = connectDatabase(postgres.url);
    messaging = createInProcessMessaging();
    [log, changed, shown] = [[], [], []];
    [declared.providerClient, declared.further] = ['', ''];
    await messaging.broadcast.subscribe(
      subjects.credentialChanged,
      (payload) => void changed.push(payload as CredentialChanged),
    );
    await start(notes.resource);
  });
  afterEach(async () => {
    await service?.close();
    await messaging.close();
    await database.$disconnect();
    await Promise.all([postgres.stop(), as.stop(), notes.stop()]);
  });
}

/** Ends the control plane in order; what comes after the test finds it ended. */
export async function stop(): Promise<void> {
  await service?.close();
}

export async function start(notesUrl: string, changes: Partial<ControlPlaneConfig> = {}): Promise<void> {
  await service?.close();
  const path = join(directory, 'sallyport.yaml');
  writeFileSync(path, file(notesUrl));
  const config = await testConfig(
    { databaseUrl: postgres.url, keys },
    {
      gatewayUrl: GATEWAY,
      issuer: as.origin,
      jwksUrl: `${as.origin}/jwks`,
      declarativeFile: path,
      secretVariables: {
        NOTES_SECRET: 'configured-client-secret',
        SEARCH_KEY: 'search-key-0123456789',
        HOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
      },
      revocationIntervalMs: 100,
      secretFilesIntervalMs: 100,
      maxConnections: 256,
      ...changes,
    },
  );
  url = config.publicUrl;
  service = await startControlPlane(config, {
    messaging,
    clock: () => clock.stoppedAt ?? Date.now(),
    logger: createLogger({
      name: 'control-plane',
      level: 'debug',
      destination: { write: (line: string) => void log.push(line) },
    }),
  });
}

export function agentToken({ userId, sid, clientId }: Person, changes: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: as.origin,
    aud: `${GATEWAY}/mcp`,
    sub: userId,
    sid,
    client_id: clientId,
    scope: '',
    roles: [],
    groups: [],
    auth_time: now,
    amr: [],
    idp: 'demo',
    idp_sub: 'x',
    agent_name: 'Agent <script>',
    agent_assurance: 'asserted',
    iat: now,
    exp: now + 3600,
    jti: randomUUID(),
    ...changes,
  };
  return as.signJwt(claims, { typ: 'at+jwt' });
}

/** As a gateway asks. */
export async function lease(
  person: Person,
  changes: {
    server?: string;
    targetOrigin?: string;
    token?: string;
    policyRevision?: number;
    rejectedConnectionRevision?: number;
    stepUp?: { connectionRevision: number; scopes: string[] };
  } = {},
) {
  const server = changes.server ?? 'notes';
  const { wire, expectation } = await sealLeaseRequest(
    { token: agentToken(person), ...person, server, targetOrigin: notes.origin, policyRevision: 1, ...changes },
    {
      replica: 'gateway-1',
      replicaKey: (await loadSigningKey(keys.gatewayKey('gateway-1'))).privateKey,
      leasePublicKey: (await loadEncryptionKey(keys.leasePublic)).publicKey,
      clock: Date.now,
    },
  );
  const answer = await messaging.request(subjects.lease, wire, { timeoutMs: 10_000 });
  return openLeaseAnswer(answer, expectation, {
    leaseSigningPublicKey: (await loadVerifyingKey(keys.leaseSigningPublic)).publicKey,
  });
}

export async function linkFor(person: Person, changes: Parameters<typeof lease>[1] = {}): Promise<string> {
  const outcome = await lease(person, changes);
  if (outcome.type !== 'connect_required') throw new Error(`expected connect_required, got ${JSON.stringify(outcome)}`);
  return outcome.url;
}

/** What the authorization server writes down of a sign-in. */
export async function signInOf(userId: string): Promise<string> {
  const id = namedId('ids', userId);
  const now = new Date();
  await database.identitySession.createMany({
    data: [
      {
        id,
        userId,
        trustProvider: 'demo',
        issuer: 'https://idp.example',
        subject: userId,
        askedAt: now,
        confirmedAt: now,
        createdAt: now,
      },
    ],
    skipDuplicates: true,
  });
  return id;
}

/** A browser without scripts, of one person. */
export class Browser {
  /** Of the control plane's cookies, by name. */
  get cookieNames(): string[] {
    return [...this.#cookies.keys()];
  }

  readonly #cookies = new Map<string, string>();
  readonly #signIns = new Map<string, string>();
  readonly visited: string[] = [];

  constructor(public userId: string) {}

  /** @param stopAt an origin: the way ends before it, as in a tab that was left there */
  async open(
    address: string,
    init: RequestInit = {},
    stopAt?: string,
  ): Promise<{ status: number; html: string; headers: Headers; url: string }> {
    as.subject = this.userId;
    as.idTokenClaims = { identity_session: await this.#signIn() };
    let next = { address, init };
    for (let hop = 0; hop < 10; hop++) {
      const { origin } = new URL(next.address);
      this.visited.push(next.address);
      const headers = new Headers(next.init.headers);
      if (origin === url && this.#cookies.size > 0)
        headers.set('cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '));
      const response = await fetch(next.address, { ...next.init, headers, redirect: 'manual' });
      for (const cookie of response.headers.getSetCookie()) {
        const [pair] = cookie.split(';');
        const [name, ...value] = (pair ?? '').split('=');
        if (cookie.includes('Max-Age=0')) this.#cookies.delete(name ?? '');
        else this.#cookies.set(name ?? '', value.join('='));
      }
      const html = await response.text();
      shown.push(html, [...response.headers].join());
      const refresh = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      const location = response.headers.get('location') ?? refresh;
      if (!location) return { status: response.status, html, headers: response.headers, url: next.address };
      if (stopAt !== undefined && location.startsWith(stopAt))
        return { status: response.status, html, headers: response.headers, url: location };
      next = { address: new URL(location, next.address).toString(), init: {} };
    }
    throw new Error('too many hops');
  }

  /** Written down once, so that a browser goes on while there is no database. */
  async #signIn(): Promise<string> {
    const known = this.#signIns.get(this.userId) ?? (await signInOf(this.userId));
    this.#signIns.set(this.userId, known);
    return known;
  }

  /** Posts a form and goes nowhere from there. */
  post(path: string, fields: Record<string, string>): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return fetch(`${url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie, origin: url },
      body: new URLSearchParams(fields),
    });
  }

  /** Submits the page's form; `changes` overwrite its fields. */
  submit(page: { html: string; url: string }, changes: Record<string, string> = {}) {
    const action = /<form method="post" action="([^"]+)"/.exec(page.html)?.[1];
    if (!action) throw new Error('no form');
    const fields = Object.fromEntries(
      [...page.html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [
        name ?? '',
        value ?? '',
      ]),
    );
    return this.open(new URL(action, page.url).toString(), {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url },
      body: new URLSearchParams({ ...fields, ...changes }),
    });
  }
}

export async function connect(person: Person): Promise<Browser> {
  const browser = new Browser(person.userId);
  const done = await browser.submit(await browser.open(await linkFor(person)));
  expect(done.html).toContain('<h1>Connected</h1>');
  return browser;
}

export async function revoke(subject: object): Promise<void> {
  const answer = await fetch(`${url}/v1/revocations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(subject),
  });
  expect(answer.status).toBe(201);
}

/** After a failed refresh a provider is left alone for a while. */
export const endPause = () =>
  Promise.all([
    database.connection.updateMany({ data: { refreshDueAt: new Date(0) } }),
    database.providerHealth.updateMany({ data: { nextProbeAt: new Date(0) } }),
  ]);
export const downstreamRequests = () => notes.requests.filter(({ path }) => path === '/token').length;
/** A request of an administrator's. */
export async function admin(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    ...init,
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...Object.fromEntries(new Headers(init.headers)),
    },
  });
  if (response.ok) expectDeclared({ method: init.method, path }, response.status, await response.clone().json());
  return response;
}

/** A server whose provider, of that type, is configured by hand: `saas`. */
export async function configureSaas(
  origin: string,
  { type, name, spec }: { type: 'oauth-user' | 'oauth-shared'; name: string; spec: string },
): Promise<void> {
  declared.further = `---
kind: McpServer
name: saas
spec: { title: SaaS, url: "https://saas.example/mcp" }
---
kind: CredentialProvider
name: ${name}
spec: { type: ${type}, server: saas, authorizationEndpoint: "${origin}/authorize", tokenEndpoint: "${origin}/token", revocationEndpoint: "${origin}/revoke", client: { authentication: client_secret_post, clientId: gateway, clientSecret: { env: SEARCH_KEY } }, ${spec} }
---
kind: AccessPolicy
name: saas-policy
spec: { hop: gateway-to-server, server: saas, credentialProvider: ${name} }
`;
  await start(notes.resource);
}
