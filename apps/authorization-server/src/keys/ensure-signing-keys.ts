import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Database } from '@sallyport/database';
import type { Sealer } from '@sallyport/keys';

export type SigningKeyPurpose = 'access-token' | 'downstream-token';
export interface AuthorizationSigningKeys {
  /** Private; the newest first, which signs. `kid` starts with `at-`. */
  readonly accessToken: readonly JWK[];
}

const PREFIX: Record<SigningKeyPurpose, string> = { 'access-token': 'at-', 'downstream-token': 'dt-' };
/** Serialises first starts of several replicas; any number will do as long as nothing else uses it. */
const LOCK = 7_400_100_001n;

/**
 * Makes the deployment's ES256 keys when there are none, once, however many replicas start together. Downstream tokens
 * have a key of their own, whose `kid` the gateway refuses inbound (security rule S6); the control plane signs with it.
 */
export async function ensureSigningKeys(database: Database, sealer: Sealer): Promise<AuthorizationSigningKeys> {
  await database.$transaction(async (transaction) => {
    await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK})`;
    for (const purpose of ['access-token', 'downstream-token'] as const) {
      if ((await transaction.signingKey.count({ where: { purpose } })) > 0) continue;
      const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
      const { kty, crv, x, y } = await exportJWK(publicKey);
      const kid = `${PREFIX[purpose]}${(await calculateJwkThumbprint(publicKey)).slice(0, 22)}`;
      await transaction.signingKey.create({
        data: {
          kid,
          purpose,
          algorithm: 'ES256',
          publicJwk: { kty: kty ?? 'EC', crv: crv ?? 'P-256', x: x ?? '', y: y ?? '', kid, alg: 'ES256', use: 'sig' },
          sealedPrivate: Uint8Array.from(sealer.seal('signing-key', JSON.stringify(await exportJWK(privateKey)), kid)),
        },
      });
    }
  });
  const rows = await database.signingKey.findMany({ where: { purpose: 'access-token' }, orderBy: { createdAt: 'desc' } });
  return {
    accessToken: rows.map((row) => {
      const jwk: JWK = JSON.parse(sealer.open('signing-key', row.sealedPrivate, row.kid).toString('utf8'));
      return { ...jwk, kid: row.kid, alg: row.algorithm, use: 'sig' };
    }),
  };
}
