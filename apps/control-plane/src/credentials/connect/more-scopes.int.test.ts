import { describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  bob,
  Browser,
  connect,
  database,
  declared,
  deployForEachTest,
  lease,
  linkFor,
  notes,
  start,
} from '../../test/connect-deployment.js';

deployForEachTest();

const challenge = (...scopes: string[]) => ({ stepUp: { connectionRevision: 1, scopes } });
const askedFor = (browser: Browser) =>
  browser.visited
    .filter((address) => address.startsWith(`${notes.origin}/authorize`))
    .map((address) => new URL(address).searchParams.get('scope'));

describe('a server that wants more scopes than the account has given (S24, R33)', () => {
  test('gets them by a new consent, together with what was given before; the old ones serve until then', async () => {
    const browser = await connect(alice);
    const link = await linkFor(alice, challenge('notes.write'));
    expect((await lease(alice)).type).toBe('granted');
    const page = await browser.open(link);
    expect(page.html).toContain('notes.read, notes.write');
    expect((await browser.submit(page)).html).toContain('<h1>Connected</h1>');
    expect(askedFor(browser)).toEqual(['notes.read', 'notes.read notes.write']);
    expect(await lease(alice, challenge('notes.write'))).toMatchObject({ type: 'granted', connectionRevision: 2 });
    expect(await lease(alice, { stepUp: { connectionRevision: 2, scopes: ['notes.write'] } })).toEqual({
      type: 'refused',
      reason: 'step_up_failed',
    });
  });

  test('is still asked about when the account was only refreshed meanwhile', async () => {
    const browser = await connect(alice);
    const link = await linkFor(alice, challenge('notes.write'));
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
      type: 'granted',
      connectionRevision: 2,
    });
    const page = await browser.open(link);
    expect(page.html).toContain('notes.read, notes.write');
    await browser.submit(page);
    expect(askedFor(browser)).toHaveLength(2);
  });

  test("asks the same user in the same way: the link is nobody else's, and another agent is let in first (S3, S23)", async () => {
    await connect(alice);
    expect((await new Browser(bob.userId).open(await linkFor(alice, challenge('notes.write')))).status).toBe(403);
    const page = await new Browser(alice.userId).open(await linkFor(alicesOtherAgent, challenge('notes.write')));
    expect(page.html).toContain('has not used it before');
    expect(page.html).not.toContain('notes.write');
    expect(await database.connectFlow.count()).toBe(0);
  });

  test('is not widened beyond the limit of its provider, also one that is not discovered (S20)', async () => {
    declared.further = `---
kind: McpServer
name: saas
spec: { url: "https://saas.example/mcp" }
---
kind: CredentialProvider
name: saas-user
spec: { type: oauth-user, server: saas, authorizationEndpoint: "${notes.origin}/authorize", tokenEndpoint: "${notes.origin}/token", client: { authentication: none, clientId: sallyport-control-plane }, scopes: [read], maxScopes: [read, write] }
---
kind: AccessPolicy
name: saas-policy
spec: { hop: gateway-to-server, server: saas, credentialProvider: saas-user }
`;
    await start(notes.resource);
    const saas = { server: 'saas', targetOrigin: 'https://saas.example' };
    const browser = new Browser(alice.userId);
    await browser.submit(await browser.open(await linkFor(alice, saas)));
    expect(await lease(alice, { ...saas, ...challenge('admin') })).toEqual({
      type: 'refused',
      reason: 'scope_beyond_limit',
    });
    await browser.submit(await browser.open(await linkFor(alice, { ...saas, ...challenge('write') })));
    expect(askedFor(browser)).toEqual(['read', 'read write']);
  });

  test('is asked from the start for no more than the limit, whatever its server announces', async () => {
    declared.providerClient = ', maxScopes: [notes.write]';
    await start(notes.resource);
    const browser = await connect(alice);
    expect(askedFor(browser)).toEqual([null]);
  });

  test("gets none where the credential is not the user's own to widen", async () => {
    expect(
      await lease(alice, { server: 'whoami', targetOrigin: 'https://whoami.example', ...challenge('whoami.write') }),
    ).toEqual({ type: 'refused', reason: 'scope_beyond_limit' });
  });
});
