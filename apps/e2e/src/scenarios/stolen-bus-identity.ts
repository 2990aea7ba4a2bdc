import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { openLeaseAnswer, sealLeaseRequest } from '@sallyport/lease';
import { loadEncryptionKey, loadSigningKey, loadVerifyingKey } from '@sallyport/keys';
import { subjects } from '@sallyport/messages';
import { inboxPrefixOf } from '@sallyport/messaging';
import { decodeJwt, decodeProtectedHeader, generateKeyPair } from 'jose';
import type { CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { administrator } from '../system/administrator.js';
import { signAsAuthorizationServer } from '../system/sign-as-authorization-server.js';
import { GATEWAY } from '../system/start-distributed.js';
import type { Agent } from '../agents/agent.js';
import type { System } from '../system/system.js';

const ANSWER_MS = 5_000;
/** What a request without a credential to show for it may end in. */
const A_NO = /^(refused|token_refused|no answer)$/;

/** A thief holds everything one gateway has, its bus seed and its enrolled key, and a NATS client of their own. */
export function describeStolenBusIdentity(system: () => System): void {
  describe("with a gateway's stolen bus identity", () => {
    let bus: NatsConnection;
    let agent: Agent;
    let replicaKey: CryptoKey;
    const violations: string[] = [];
    beforeAll(async () => {
      const { natsUrl = '', nkeys = '', keys } = system();
      const seed = readFileSync(join(nkeys, `${GATEWAY}.nk`), 'utf8').trim();
      bus = await connect({
        servers: natsUrl,
        inboxPrefix: inboxPrefixOf(GATEWAY),
        authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      });
      void (async () => {
        for await (const status of bus.status()) if (status.type === 'error') violations.push(status.error.message);
      })();
      replicaKey = (await loadSigningKey(join(keys, 'gateways', `${GATEWAY}.jwk`))).privateKey;
      const person = new Person('alice', { agentRedirectUri: system().redirectUri });
      agent = await connectModernAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'Robbed Agent',
        redirectUri: system().redirectUri,
        person,
        clientMetadataUrl: system().clientMetadataUrl,
      });
      await agent.call('whoami__whoami');
    });
    afterAll(() => bus.close());

    /** What the control plane answers to a lease request for `whoami` with this token. */
    const lease = async (token: string, key: CryptoKey = replicaKey): Promise<string> => {
      const { keys, demo } = system();
      const claims = decodeJwt(agent.token());
      const { wire, expectation } = await sealLeaseRequest(
        {
          token,
          userId: String(claims.sub),
          clientId: String(claims['client_id']),
          sid: String(claims['sid']),
          server: 'whoami',
          targetOrigin: new URL(demo.urls.whoami).origin,
          policyRevision: 0,
          policy: 'whoami-for-employees',
        },
        {
          replica: GATEWAY,
          replicaKey: key,
          leasePublicKey: (await loadEncryptionKey(join(keys, 'lease.pub.jwk'))).publicKey,
          clock: Date.now,
        },
      );
      const reply = await bus.request(subjects.lease, JSON.stringify({ ...wire, waitsMs: ANSWER_MS }), {
        timeout: ANSWER_MS,
      });
      const { answer } = reply.json<{ answer?: { answer?: string } }>();
      if (answer?.answer === undefined) return 'no answer';
      const outcome = await openLeaseAnswer(answer, expectation, {
        leaseSigningPublicKey: (await loadVerifyingKey(join(keys, 'lease-signing.pub.jwk'))).publicKey,
      });
      return outcome.type;
    };

    test("a lease is had with an agent's live token, so that the refusals below mean something", async () => {
      expect(await lease(agent.token())).toBe('granted');
    });

    test('none is had without a live token: forged, expired, for another audience, or none at all (S21, B17)', async () => {
      const claims = decodeJwt(agent.token());
      const { kid = '' } = decodeProtectedHeader(agent.token());
      const [header, , signature] = agent.token().split('.');
      const attempts = {
        'payload changed': `${header}.${Buffer.from(JSON.stringify({ ...claims, sub: 'usr_00000000000000000000000000' })).toString('base64url')}.${signature}`,
        expired: await signAsAuthorizationServer(system(), kid, { ...claims, iat: 1, exp: 600 }),
        'for another audience': await signAsAuthorizationServer(system(), kid, {
          ...claims,
          aud: 'https://elsewhere.example/mcp',
        }),
        none: '',
      };
      for (const [what, token] of Object.entries(attempts))
        expect([what, await lease(token)]).toEqual([what, expect.stringMatching(A_NO)]);
    });

    test('none is had under a key that was not enrolled (S21)', async () => {
      const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519' });
      expect(await lease(agent.token(), privateKey)).toMatch(A_NO);
    });

    test('a token is refused as soon as its session is revoked (S21, R6)', async () => {
      await administrator(system()).revoke({ session: String(decodeJwt(agent.token())['sid']), reason: 'stolen' });
      await expect.poll(() => lease(agent.token()), { timeout: 2_000 }).toMatch(A_NO);
    });

    test('configuration, revocations and replies cannot be written (S26, S27)', async () => {
      const tried = [
        subjects.configurationBase,
        subjects.configurationChange,
        subjects.configurationHeartbeat,
        '_INBOX_control-plane.forged',
        subjects.events('gateway-2'),
        subjects.credentialChanged,
      ];
      for (const subject of tried) {
        const before = violations.length;
        bus.publish(subject, '{}');
        await bus.flush();
        await expect.poll(() => violations.length, { timeout: 2_000 }).toBeGreaterThan(before);
      }
    });

    test("another's requests cannot be heard or answered (S26)", async () => {
      for (const subject of [subjects.lease, '_INBOX_control-plane.>', subjects.events('*')]) {
        const before = violations.length;
        bus.subscribe(subject, { callback: () => undefined });
        await bus.flush();
        await expect.poll(() => violations.length, { timeout: 2_000 }).toBeGreaterThan(before);
      }
    });
  });
}
