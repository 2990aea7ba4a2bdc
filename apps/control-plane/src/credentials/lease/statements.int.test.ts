import { statementsSent } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { alice, connect, deployForEachTest, lease } from '../../test/connect-deployment.js';

deployForEachTest();

/** What the control plane asks by itself, every second or so. */
const BESIDE = /ConfigurationRevision|UpstreamRevocation|LogStream|"Event"|VaultKey|EndedMcpSession/;

test('a lease of a connection that is fresh costs the database two statements: the connection, and the consent', async () => {
  await connect(alice);
  expect(await lease(alice)).toMatchObject({ type: 'granted' });
  const sent = await statementsSent(async () => expect(await lease(alice)).toMatchObject({ type: 'granted' }));
  expect(sent.filter((statement) => !BESIDE.test(statement))).toEqual([
    expect.stringContaining('"Connection"'),
    expect.stringContaining('"ConnectionConsent"'),
  ]);
});
