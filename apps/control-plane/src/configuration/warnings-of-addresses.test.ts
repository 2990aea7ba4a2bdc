import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Document } from '@sallyport/configuration';
import { parseDeclaration } from '@sallyport/declaration';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { warningsOfAddresses } from './warnings-of-addresses.js';

const root = process.cwd();
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documentsOf = (text: string) => parseDeclaration(text, 'sallyport.yaml').documents;

const SOUND = `
kind: TrustProvider
name: demo
spec: { issuer: https://idp.example, clientId: sallyport, clientSecret: { env: IDP_SECRET } }
---
kind: McpServer
name: notes
spec: { url: https://notes.example/mcp }
---
kind: CredentialProvider
name: notes-none
spec: { type: none, server: notes }
---
kind: Role
name: writer
spec: { scopes: [notes.read, notes.write], members: [{ trustProvider: demo, groups: [staff] }] }
---
kind: Role
name: auditor
spec: { scopes: [notes.audit] }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway }
---
kind: AccessPolicy
name: notes-policy
spec:
  hop: gateway-to-server
  server: notes
  credentialProvider: notes-none
  tools:
    - { match: [get_*], scope: notes.read, roles: [writer] }
`;

/** Addresses as a machine without any name service sees them, but for what is told here. */
const refuserOf = (documents: readonly Document[], names: Record<string, string> = {}) => {
  const allow = documents.flatMap((document) => (document.kind === 'OutboundNetwork' ? document.spec.allow : []));
  return createSafeFetch({
    userAgent: 'test',
    allow,
    resolve: (host, done) =>
      names[host] === undefined ? done(new Error('ENOTFOUND'), []) : done(null, [{ address: names[host], family: 4 }]),
  }).refuse;
};
async function warnedOfAddresses(text: string, names?: Record<string, string>) {
  const documents = documentsOf(text);
  return (await warningsOfAddresses(documents, refuserOf(documents, names))).map(
    ({ document: { kind, name }, field, message }) => [`${kind} ${name}`, field, message],
  );
}

describe('addresses that may not be called', () => {
  const at = (url: string) => SOUND.replace('https://notes.example/mcp', JSON.stringify(url));
  const DEMO_NETWORK =
    '\n---\nkind: OutboundNetwork\nname: default\nspec:\n  allow:\n    - { host: 127.0.0.1, ports: [7403], ' +
    'http: true }\n';

  test.each([
    ['http://127.0.0.1:9000/mcp', '{ host: 127.0.0.1, ports: [9000], http: true }'],
    ['http://10.20.0.5/mcp', '{ host: 10.20.0.5, ports: [80], http: true }'],
    ['https://192.168.1.4:8443/mcp', '{ host: 192.168.1.4, ports: [8443] }'],
    ['http://localhost:9000/mcp', '{ host: localhost, ports: [9000], http: true }'],
    ['http://[::1]:9000/mcp', "{ host: '::1', ports: [9000], http: true }"],
    ['https://tracker.corp.example/mcp', '{ host: tracker.corp.example, ports: [443] }'],
  ])('a server at %s is said at the start, with the line that mends it (B32)', async (url, entry) => {
    const names = { 'tracker.corp.example': '10.1.2.3', localhost: '127.0.0.1' };
    const written = `${at(url)}${DEMO_NETWORK}`;
    const warnings = await warnedOfAddresses(written, names);
    expect(warnings).toEqual([
      [
        'McpServer notes',
        'spec.url',
        expect.stringMatching(
          /is not allowed: .* If that address is yours, add this line to `allow` in the OutboundNetwork document: - \{.*\}$/,
        ),
      ],
    ]);
    const line = /: (- \{.*\})$/.exec(String(warnings[0]?.[2]))?.[1];
    expect(line).toBe(`- ${entry}`);
    expect(await warnedOfAddresses(`${written}    ${line}\n`, names)).toEqual([]);
  });

  test('without an OutboundNetwork document, the whole of one is said (B32)', async () => {
    const [warning] = await warnedOfAddresses(at('http://127.0.0.1:9000/mcp'));
    const document = /add this document: (\{.*\})$/.exec(String(warning?.[2]))?.[1];
    expect(parse(document ?? '')).toEqual({
      kind: 'OutboundNetwork',
      name: 'default',
      spec: { allow: [{ host: '127.0.0.1', ports: [9000], http: true }] },
    });
    expect(await warnedOfAddresses(`${at('http://127.0.0.1:9000/mcp')}\n---\n${document}\n`)).toEqual([]);
  });

  test('every address that we call ourselves is looked at, and no other (B32)', async () => {
    const calls = `${SOUND.replace('https://idp.example', 'http://idp.corp.example')}
---
kind: McpServer
name: crm
spec: { url: https://crm.example/mcp }
---
kind: CredentialProvider
name: crm-user
spec: { type: oauth-user, server: crm, issuer: "http://only-a-name.example", authorizationEndpoint: "http://browsers.example/authorize", tokenEndpoint: "http://token.example/token", revocationEndpoint: "https://127.0.0.1/revoke", client: { authentication: client_secret_post, clientId: a, clientSecret: { env: A } } }
---
kind: CredentialProvider
name: crm-mcp
spec: { type: mcp-user-oauth, server: crm, authorizationServer: "https://10.0.0.1" }
---
kind: Webhook
name: pager
spec: { url: "http://pager.example/", events: [connection.needs_reconnect], signingSecret: { env: B } }
`;
    expect((await warnedOfAddresses(calls)).map(([document, field]) => `${document} ${field}`)).toEqual([
      'TrustProvider demo spec.issuer',
      'CredentialProvider crm-user spec.tokenEndpoint',
      'CredentialProvider crm-user spec.revocationEndpoint',
      'CredentialProvider crm-mcp spec.authorizationServer',
      'Webhook pager spec.url',
    ]);
  });

  test('the files that Sallyport brings along have none that is not allowed (B32)', async () => {
    for (const path of ['sallyport.yaml', 'deploy/sallyport.example.yaml'])
      expect([path, await warnedOfAddresses(read(path))]).toEqual([path, []]);
  });
});

test('what the README says of a server of your own works as it is written: with its line, and not without (B32)', async () => {
  const [mine] = readmeExamples().filter((yaml) => yaml.includes('http://127.0.0.1:'));
  const [line] = /- \{ host: 127\.0\.0\.1.*? \}/.exec(read('README.md')) ?? [];
  const file = `${read('sallyport.yaml').trimEnd()}\n`;
  expect(file).toMatch(/kind: OutboundNetwork\nname: default\nspec:\n {2}allow:\n(?: {4}- .*\n)+$/);
  const warnings = await warnedOfAddresses(`${file}---\n${mine}`);
  expect(warnings).toEqual([
    ['McpServer mine', 'spec.url', expect.stringMatching(/allow` in the OutboundNetwork document: - \{/)],
  ]);
  expect(String(warnings[0]?.[2]).endsWith(`: ${line}`)).toBe(true);
  expect(await warnedOfAddresses(`${file}    ${line}\n---\n${mine}`)).toEqual([]);
});

/** YAML blocks of the README, which are whole documents. */
function readmeExamples(): string[] {
  const blocks = [...read('README.md').matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml = '']) => yaml);
  expect(blocks.length).toBeGreaterThan(0);
  return blocks;
}
