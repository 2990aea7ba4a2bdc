import { connectDatabase, migrateDeploy } from '@sallyport/database';
import { startTestPostgres } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Users } from './users.js';

const MIGRATION = '20261121050000_user_issuer';

test('users from before an issuer was kept are those of the issuer their provider names, and of no later one (S1)', async () => {
  const postgres = await startTestPostgres({ before: MIGRATION });
  const database = connectDatabase(postgres.url);
  try {
    await database.$executeRaw`INSERT INTO "ConfigurationDocument" ("kind", "name", "spec", "revision") VALUES ('TrustProvider', 'corp', '{"issuer": "https://idp.example/"}', 1)`;
    await database.$executeRaw`INSERT INTO "User" ("id", "trustProvider", "subject", "groups") VALUES ('usr_alice', 'corp', 'alice', '{staff}'), ('usr_bob', 'gone', 'bob', '{}')`;
    await migrateDeploy(postgres.url);

    const users = new Users(database);
    expect(await users.find('usr_alice')).toMatchObject({
      issuer: 'https://idp.example',
      subject: 'alice',
      groups: ['staff'],
      providerRoles: [],
    });
    const identity = {
      trustProvider: 'corp',
      issuer: 'https://idp.example',
      subject: 'alice',
      email: undefined,
      name: undefined,
      groups: [],
      providerRoles: ['operator'],
    };
    expect(await users.signedIn(identity, new Date())).toMatchObject({ id: 'usr_alice', providerRoles: ['operator'] });
    expect((await users.signedIn({ ...identity, issuer: 'https://other.example' }, new Date())).id).not.toBe(
      'usr_alice',
    );
    expect(
      (
        await users.signedIn(
          { ...identity, trustProvider: 'gone', issuer: 'https://other.example', subject: 'bob' },
          new Date(),
        )
      ).id,
    ).not.toBe('usr_bob');
  } finally {
    await database.$disconnect();
    await postgres.stop();
  }
});
