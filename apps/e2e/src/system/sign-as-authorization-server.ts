import { join } from 'node:path';
import { loadMasterKey, Sealer } from '@sallyport/keys';
import { importJWK, SignJWT } from 'jose';
import type { JWK, JWTPayload } from 'jose';
import pg from 'pg';
import type { System } from './system.js';

/**
 * Signs claims with the authorization server's real key, taken from its database as only an operator could: a token
 * that is wrong in nothing but what the test changed.
 */
export async function signAsAuthorizationServer(
  system: Pick<System, 'databaseUrl' | 'keys'>,
  kid: string,
  claims: JWTPayload,
): Promise<string> {
  const client = new pg.Client({ connectionString: system.databaseUrl.replace(/\?schema=.*$/, '') });
  await client.connect();
  try {
    const { rows } = await client.query<{ algorithm: string; sealedPrivate: Buffer }>(
      'SELECT algorithm, "sealedPrivate" FROM "SigningKey" WHERE kid = $1',
      [kid],
    );
    const [row] = rows;
    if (!row) throw new Error(`There is no signing key ${kid}.`);
    const sealer = new Sealer(loadMasterKey(join(system.keys, 'master.key')));
    const jwk = JSON.parse(Buffer.from(sealer.open('signing-key', row.sealedPrivate, kid)).toString('utf8')) as JWK;
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: row.algorithm, typ: 'at+jwt', kid })
      .sign(await importJWK(jwk, row.algorithm));
  } finally {
    await client.end();
  }
}
