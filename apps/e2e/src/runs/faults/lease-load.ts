import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { openLeaseAnswer, sealLeaseRequest } from '@sallyport/lease';
import { newId } from '@sallyport/kernel';
import { loadEncryptionKey, loadSigningKey, loadVerifyingKey, type DeploymentKeyFiles } from '@sallyport/keys';
import { subjects } from '@sallyport/messages';
import type { Messaging } from '@sallyport/messaging';
import { SignJWT, type CryptoKey } from 'jose';
import { GATEWAY, GATEWAY_URL, ISSUER } from './fleet.js';

export const AGENT = 'https://agent.test/client.json';
const ANSWER_MS = 3_000;

export interface LeaseLoadContext {
  readonly messaging: Messaging;
  readonly keys: DeploymentKeyFiles;
  readonly snapshot: () => ConfigurationSnapshot;
  /** Why there was none: nobody answered in time, or what the answer was. */
  readonly onFailure?: (reason: string) => void;
  readonly agentKey: { readonly kid: string; readonly privateKey: CryptoKey };
}

/** Asks for credentials as a gateway does, for the on-demand refreshes this causes. */
export async function createLeaseAsker({
  messaging,
  keys,
  snapshot,
  agentKey,
  onFailure = () => undefined,
}: LeaseLoadContext): Promise<
  (asked: {
    readonly userId: string;
    readonly server: string;
    readonly targetOrigin: string;
  }) => Promise<string | undefined>
> {
  const [{ privateKey: replicaKey }, { publicKey: leasePublicKey }, { publicKey: leaseSigningPublicKey }] =
    await Promise.all([
      loadSigningKey(keys.gatewayKey(GATEWAY)),
      loadEncryptionKey(keys.leasePublic),
      loadVerifyingKey(keys.leaseSigningPublic),
    ]);
  const requester = { replica: GATEWAY, replicaKey, leasePublicKey, clock: Date.now };

  /** @returns the access token leased, or `undefined` when there was none this time */
  return async ({ userId, server, targetOrigin }) => {
    const sid = newId('ses');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      client_id: AGENT,
      sid,
      scope: 'notes.read',
      groups: ['everybody'],
      auth_time: now,
      idp: 'company',
      idp_sub: userId,
      agent_name: 'Agent',
      agent_assurance: 'verified-redirect',
    };
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: agentKey.kid })
      .setIssuer(ISSUER)
      .setAudience(`${GATEWAY_URL}/mcp`)
      .setSubject(userId)
      .setJti(newId('evt'))
      .setIssuedAt(now)
      .setExpirationTime(now + 300)
      .sign(agentKey.privateKey);
    const { wire, expectation } = await sealLeaseRequest(
      {
        token,
        userId,
        clientId: AGENT,
        sid,
        server,
        targetOrigin,
        policyRevision: snapshot().revision,
        policy: `${server}-for-everybody`,
      },
      requester,
    );
    // Nobody answers while the process asked is dead: that is the fault, not a failure.
    const answer = await messaging.request(subjects.lease, wire, { timeoutMs: ANSWER_MS }).then(
      (value) => ({ value }),
      () => undefined,
    );
    if (!answer) {
      onFailure('no answer');
      return undefined;
    }
    const outcome = await openLeaseAnswer(answer.value, expectation, { leaseSigningPublicKey });
    if (outcome.type !== 'granted') onFailure(outcome.type);
    return outcome.type === 'granted' ? outcome.headers['authorization']?.replace(/^Bearer /, '') : undefined;
  };
}
