import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { McpServer as LegacyServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { parseDeclaration } from '@sallyport/declaration';
import { createTestAuthority, scriptMcp, startHttpsServer, startScriptedServer } from '@sallyport/testing/servers';
import type { ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterEach, describe, expect, test } from 'vitest';
import { describeServer, findInRegistry, probeServer, readServerJson, renderDocuments } from '../index.js';
import type { Findings, ProbeOptions, Surroundings } from '../index.js';

const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) await close();
});

type Script = (request: ScriptedRequest, origin: string) => ScriptedAnswer | Promise<ScriptedAnswer>;

async function serve(script: Script): Promise<{ readonly origin: string; readonly seen: ScriptedRequest[] }> {
  let origin = '';
  const server = await startScriptedServer((request) => script(request, origin));
  ({ origin } = server);
  opened.push(() => server.close());
  return { origin, seen: server.seen };
}

const TOOLS = JSON.stringify([
  { name: 'list_notes', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'add_note', inputSchema: { type: 'object' } },
]);
const mcp = (era: 'modern' | 'sessions' | 'sessionless' = 'sessions', tools = TOOLS) =>
  scriptMcp({ era, tools }).script;
const json = (value: object, status = 200): ScriptedAnswer => ({ status, body: JSON.stringify(value) });
const html: ScriptedAnswer = { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome</h1>' };
const unauthorized = (challenge?: string): ScriptedAnswer => ({
  status: 401,
  headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
  body: '{"error":"unauthorized"}',
});

interface OAuthParts {
  readonly resource?: (origin: string) => object;
  readonly authorizationServer?: (origin: string) => object;
  /** What answers at `/mcp`; a 401 with a challenge unless said. */
  readonly endpoint?: Script;
}
const PRM = '/.well-known/oauth-protected-resource/mcp';
/** A server and its authorization server on one origin. */
const oauth =
  ({ resource = () => ({}), authorizationServer = () => ({}), endpoint }: OAuthParts = {}): Script =>
  (request, origin) => {
    if (request.path === PRM)
      return json({
        resource: `${origin}/mcp`,
        authorization_servers: [origin],
        scopes_supported: ['notes:read', 'notes:write'],
        ...resource(origin),
      });
    if (request.path === '/.well-known/oauth-authorization-server')
      return json({
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'private_key_jwt'],
        ...authorizationServer(origin),
      });
    if (request.path.startsWith('/.well-known/')) return json({}, 404);
    if (endpoint !== undefined) return endpoint(request, origin);
    return unauthorized(`Bearer resource_metadata="${origin}${PRM}", scope="notes:read"`);
  };

async function added(url: string, options: ProbeOptions = {}, around: Surroundings = {}) {
  const findings = await probeServer(url, options);
  const said = describeServer(findings, { alsoAllow: options.alsoAllow ?? [], ...around });
  const yaml = renderDocuments(said.documents);
  // What `validate` says of it; with nothing to write there is nothing to say.
  const documents = said.documents.length === 0 ? [] : parseDeclaration(yaml, 'added.yaml').documents;
  const specOf = (kind: string) => documents.find((document) => document.kind === kind)?.spec;
  return {
    findings,
    ...said,
    yaml,
    parsed: documents,
    specOf,
    todos: said.unknowns.map(({ todo }) => todo).join('\n'),
  };
}

interface Case {
  readonly title: string;
  readonly script: Script;
  readonly path?: string;
  readonly endpoint?: Findings['endpoint']['type'];
  readonly movedBy?: string;
  /** Fields of the credential provider, or `null` where nothing is written. */
  readonly provider?: object | null;
  /** Whether an administrator registers a client by hand. */
  readonly hasClient?: boolean;
  /** Whether the policy names tools (`true`), or is closed until somebody approves. */
  readonly names?: boolean;
  readonly around?: Surroundings;
  /** In the report. */
  readonly says?: string;
}

const cases: readonly Case[] = [
  {
    title: 'open, of 2026-07-28',
    script: (request) => mcp('modern')(request),
    provider: { type: 'none' },
    names: true,
  },
  {
    title: 'open, with sessions',
    script: (() => {
      const script = mcp('sessions');
      return (request: ScriptedRequest) => script(request);
    })(),
    provider: { type: 'none' },
    names: true,
    says: '2025-11-25 (legacy)',
  },
  {
    title: 'open, without sessions',
    script: (request) => mcp('sessionless')(request),
    provider: { type: 'none' },
    names: true,
  },
  { title: 'of OAuth with registration', script: oauth(), provider: { type: 'mcp-user-oauth' }, hasClient: false },
  {
    title: 'of OAuth with client metadata documents only',
    script: oauth({
      authorizationServer: () => ({ registration_endpoint: undefined, client_id_metadata_document_supported: true }),
    }),
    around: { controlPlane: 'https://gate.example' },
    provider: { type: 'mcp-user-oauth' },
    hasClient: false,
    says: 'client metadata document',
  },
  {
    title: 'of OAuth with client metadata documents that take no key',
    script: oauth({
      authorizationServer: () => ({
        registration_endpoint: undefined,
        client_id_metadata_document_supported: true,
        token_endpoint_auth_methods_supported: ['none'],
      }),
    }),
    provider: { type: 'mcp-user-oauth', client: { clientId: 'replace-with-the-client-id' } },
    says: '/connect/callback',
  },
  {
    title: 'of OAuth without registration',
    script: oauth({ authorizationServer: () => ({ registration_endpoint: undefined }) }),
    around: { controlPlane: 'https://gate.example' },
    provider: { type: 'mcp-user-oauth', client: { clientId: 'replace-with-the-client-id' } },
    says: 'https://gate.example/connect/callback',
  },
  {
    title: 'that lists its tools to anybody and lets users sign in',
    script: oauth({ endpoint: (request) => mcp('modern')(request) }),
    provider: { type: 'mcp-user-oauth' },
    names: true,
  },
  {
    title: 'of 2025-03-26, whose origin is its authorization server',
    script: (request, origin) =>
      request.path === PRM || request.path === '/.well-known/oauth-protected-resource'
        ? json({}, 404)
        : oauth({ endpoint: () => unauthorized('Bearer') })(request, origin),
    provider: { type: 'mcp-user-oauth' },
  },
  {
    title: 'whose metadata is of another resource',
    script: oauth({ resource: () => ({ resource: 'https://other.example/mcp' }) }),
    provider: { type: 'mcp-user-oauth' },
    says: 'resource: https://other.example/mcp',
  },
  {
    title: 'whose metadata names another path of it',
    script: (request, origin) =>
      request.path === '/.well-known/oauth-protected-resource'
        ? json({ resource: `${origin}/v1/mcp`, authorization_servers: [origin] })
        : request.path === PRM
          ? json({}, 404)
          : oauth({ endpoint: () => unauthorized('Bearer') })(request, origin),
    path: '/',
    movedBy: 'resource-metadata',
    provider: { type: 'mcp-user-oauth' },
  },
  {
    title: 'whose authorization server calls itself otherwise',
    script: oauth({ authorizationServer: () => ({ issuer: 'https://elsewhere.example' }) }),
    provider: { type: 'mcp-user-oauth' },
    says: 'authorizationServer: https://elsewhere.example',
  },
  {
    title: 'whose authorization server says nothing of PKCE',
    script: oauth({ authorizationServer: () => ({ code_challenge_methods_supported: undefined }) }),
    provider: { type: 'mcp-user-oauth' },
    says: 'pkce: assumed',
  },
  {
    title: 'whose metadata is malformed',
    script: oauth({ resource: () => ({ resource: 7 }) }),
    provider: { type: 'mcp-user-oauth' },
    says: 'It has to mend its metadata.',
  },
  {
    title: 'that names our authorization server',
    script: oauth({ resource: () => ({ authorization_servers: ['https://gate.example'] }) }),
    around: { issuer: 'https://gate.example' },
    provider: { type: 'gateway-token', scopes: ['notes:read'] },
  },
  {
    title: 'that wants a bearer token and has no metadata',
    script: (request) => (request.path.startsWith('/.well-known') ? json({}, 404) : unauthorized('Bearer realm="x"')),
    provider: { type: 'static', send: { as: 'bearer' } },
  },
  {
    title: 'that refuses without a challenge',
    script: (request) => (request.path.startsWith('/.well-known') ? json({}, 404) : unauthorized()),
    provider: { type: 'static', send: { as: 'bearer' } },
  },
  {
    title: 'that wants a password',
    script: (request) => (request.path.startsWith('/.well-known') ? html : unauthorized('Basic realm="a, b"')),
    provider: { type: 'static', send: { as: 'basic' } },
  },
  {
    title: 'that wants a key under a scheme of its own',
    script: (request) => (request.path.startsWith('/.well-known') ? json({}, 404) : unauthorized('ApiKey')),
    provider: { type: 'static', send: { as: 'authorization', scheme: 'ApiKey' } },
  },
  {
    title: 'that redirects to its endpoint',
    script: (request, origin) =>
      request.path === '/mcp'
        ? { status: 308, headers: { location: `${origin}/v2/mcp` } }
        : request.path === '/v2/mcp'
          ? mcp('modern')(request)
          : json({}, 404),
    movedBy: 'redirect',
    provider: { type: 'none' },
    names: true,
  },
  {
    title: 'with a slash at the end of its path',
    script: (request) => (request.path === '/mcp/' ? mcp('modern')(request) : { status: 404 }),
    movedBy: 'trailing-slash',
    provider: { type: 'none' },
    names: true,
  },
  {
    title: 'typed without its path',
    script: (request) => (request.path === '/mcp' ? mcp('modern')(request) : html),
    path: '/',
    movedBy: 'path',
    provider: { type: 'none' },
    names: true,
  },
  {
    title: 'that serves HTTP+SSE beside its endpoint',
    script: (request) => (request.path === '/mcp' ? mcp('modern')(request) : { status: 405 }),
    path: '/sse',
    movedBy: 'path',
    provider: { type: 'none' },
    names: true,
  },
  {
    title: 'that is a web page',
    script: () => html,
    endpoint: 'web-page',
    provider: null,
    says: 'Look up the address of the MCP endpoint',
  },
  { title: 'that is another API', script: () => json({ hello: 'world' }), endpoint: 'not-mcp', provider: null },
  { title: 'that hangs up', script: () => 'close', endpoint: 'unreachable', provider: null },
  {
    title: 'that redirects into the cloud’s metadata service',
    script: () => ({ status: 307, headers: { location: 'http://169.254.169.254/latest/meta-data' } }),
    endpoint: 'redirect',
    provider: null,
    says: 'If that address is the one you mean, run this again with it.',
  },
  {
    title: 'that redirects to itself for ever',
    script: (_, origin) => ({ status: 302, headers: { location: `${origin}/mcp` } }),
    endpoint: 'redirect',
    provider: null,
  },
  {
    title: 'whose tools say nothing of themselves',
    script: (request) => mcp('modern', '[{"name":"plain","inputSchema":{"type":"object"}}]')(request),
    provider: { type: 'none' },
    says: 'plain: does not say that it only reads',
  },
  {
    title: 'whose tools have hostile names',
    script: (request) =>
      mcp(
        'modern',
        JSON.stringify([
          { name: '*', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
          { name: 'a\n---\nkind: Role', inputSchema: { type: 'object' } },
          { name: 'good', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
        ]),
      )(request),
    provider: { type: 'none' },
    names: true,
  },
  {
    title: 'that lists for ever',
    script: (request) => {
      const id = JSON.stringify(request.id ?? null);
      if (request.method !== 'tools/list') return mcp('modern')(request);
      const list = `"tools":${TOOLS},"nextCursor":"${Math.random()}"`;
      return {
        status: 200,
        body: `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","ttlMs":1,"cacheScope":"private",${list}}}`,
      };
    },
    provider: { type: 'none' },
    names: true,
    says: 'more tools than were read',
  },
];

test.each(cases)('a server $title', async ({ script, path = '/mcp', endpoint = 'mcp', ...expected }) => {
  const { origin, seen } = await serve(script);
  const { findings, parsed, specOf, yaml, unknowns, facts } = await added(`${origin}${path}`, {}, expected.around);
  expect(findings.endpoint).toMatchObject({
    type: endpoint,
    ...(expected.movedBy === undefined ? {} : { movedBy: expected.movedBy }),
  });
  if (expected.provider === null) expect(parsed).toEqual([]);
  else {
    expect(specOf('CredentialProvider')).toMatchObject(expected.provider ?? {});
    if (expected.hasClient === false) expect(specOf('CredentialProvider')).not.toHaveProperty('client');
    expect(specOf('OutboundNetwork')).toMatchObject({ allow: [{ host: '127.0.0.1', http: true }] });
    expect(specOf('McpServer')).toMatchObject({ url: findings.url });
    expect(specOf('AccessPolicy')).toMatchObject(
      expected.names === true ? { tools: [{ match: [expect.not.stringContaining('*')] }] } : CLOSED,
    );
  }
  expect(`${yaml}${JSON.stringify([unknowns, facts])}`).toContain(expected.says ?? '');
  // It registered nothing, called nothing and showed no credential.
  expect(seen.filter(({ path: asked }) => asked === '/register')).toEqual([]);
  expect(seen.filter(({ method }) => method === 'tools/call')).toEqual([]);
  expect(seen.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
});
const CLOSED = { tools: [{ match: ['*'] }], when: 'tool.annotations.readOnlyHint' };

describe('servers on the official SDKs', () => {
  test('one on the second, of both eras, is spoken to in the newer one by both', async () => {
    const handler = createMcpHandler(() => {
      const server = new McpServer({ name: 'forecasts', title: 'Weather', version: '1.0.0' });
      server.registerTool('forecast', { annotations: { readOnlyHint: true } }, () => ({ content: [] }));
      return server;
    });
    const { origin } = await serve(async ({ httpMethod, headers, raw, path }, at) => {
      const answer = await handler.fetch(
        new Request(`${at}${path}`, {
          method: httpMethod,
          headers: headers as Record<string, string>,
          ...(raw === '' ? {} : { body: raw }),
        }),
      );
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
    });
    opened.push(() => handler.close());
    const { findings, parsed, differences } = await added(`${origin}/mcp`);
    expect([findings.relay, findings.sdk]).toMatchObject([
      { outcome: 'listed', era: 'modern', version: '2026-07-28', title: 'Weather' },
      { outcome: 'listed', era: 'modern', version: '2026-07-28', title: 'Weather' },
    ]);
    expect(differences).toEqual([]);
    expect(parsed.map(({ name }) => name)).toEqual([
      'default',
      'weather',
      'weather-without-credential',
      'weather-read-only',
    ]);
  });

  async function listen(handler: Parameters<typeof createServer>[1]): Promise<string> {
    const http = createServer(handler);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    opened.push(
      () =>
        new Promise((resolve) => {
          http.close(() => resolve());
          http.closeAllConnections();
        }),
    );
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  test('one on the first, without sessions, answers as a stream', async () => {
    const origin = await listen((request, response) => {
      const server = new LegacyServer({ name: 'old', version: '1' });
      server.registerTool('read', { annotations: { readOnlyHint: true } }, () => ({ content: [] }));
      const transport = new StreamableHTTPServerTransport({});
      void server.connect(transport as never).then(() => transport.handleRequest(request, response));
    });
    const { findings, specOf } = await added(`${origin}/mcp`);
    expect([findings.relay, findings.sdk]).toMatchObject([
      { outcome: 'listed', era: 'legacy', version: '2025-11-25', title: 'old' },
      { outcome: 'listed', era: 'legacy', version: '2025-11-25', title: 'old' },
    ]);
    expect(specOf('AccessPolicy')).toMatchObject({ tools: [{ match: ['read'] }] });
  });

  test('one of HTTP+SSE is refused, and it is said why and what to ask for', async () => {
    const origin = await listen((request, response) => {
      if (request.method !== 'GET' || request.url !== '/sse') return void response.writeHead(404).end();
      void new LegacyServer({ name: 'older', version: '1' }).connect(new SSEServerTransport('/messages', response));
    });
    const { findings, documents, unknowns } = await added(`${origin}/sse`);
    expect(findings.endpoint.type).toBe('http-and-sse');
    expect(documents).toEqual([]);
    expect(unknowns).toMatchObject([{ what: expect.stringContaining('2024-11-05'), move: "the server's operator" }]);
  });
});

describe('what nobody typed is not called', () => {
  test('another port of this machine that a redirect leads to', async () => {
    const inside = await serve((request) => mcp('modern')(request));
    const outside = await serve(() => ({ status: 307, headers: { location: `${inside.origin}/mcp` } }));
    const { findings, unknowns } = await added(`${outside.origin}/mcp`);
    expect(findings.endpoint).toMatchObject({ type: 'redirect', location: `${inside.origin}/mcp` });
    expect(unknowns[0]?.what).toContain('not allowed');
    expect(inside.seen).toEqual([]);
  });

  test('an authorization server on this machine, until the same person allows it', async () => {
    const as = await serve((request, origin) => oauth()(request, origin));
    const { origin } = await serve((request, at) =>
      oauth({ resource: () => ({ authorization_servers: [as.origin] }) })(
        request.path === '/.well-known/oauth-authorization-server'
          ? { ...request, path: '/.well-known/none' }
          : request,
        at,
      ),
    );
    const first = await added(`${origin}/mcp`);
    expect(first.findings.signIn.failure?.reason).toBe('outbound_refused');
    expect(first.todos).toContain(`--allow ${as.origin}`);
    expect(as.seen).toEqual([]);
    const alsoAllow = [{ host: '127.0.0.1', ports: [Number(new URL(as.origin).port)], http: true }];
    const second = await added(`${origin}/mcp`, { alsoAllow });
    expect(second.findings.signIn.authorizationServer?.issuer).toBe(as.origin);
    expect(second.specOf('OutboundNetwork')).toMatchObject({ allow: [{}, { ports: alsoAllow[0]?.ports }] });
  });

  test('an address that the challenge names, on another port of this machine', async () => {
    const inside = await serve(() => json({}));
    const { origin } = await serve((request) =>
      request.path.startsWith('/.well-known')
        ? json({}, 404)
        : unauthorized(`Bearer resource_metadata="${inside.origin}/secret"`),
    );
    const { findings } = await added(`${origin}/mcp`);
    expect(findings.signIn.failure).toMatchObject({ reason: 'outbound_refused' });
    expect(inside.seen).toEqual([]);
  });

  test('anything but http and https, and an address with a password in it', async () => {
    for (const typed of ['ftp://127.0.0.1/mcp', 'http://me:secret@127.0.0.1/mcp'])
      await expect(probeServer(typed)).rejects.toThrow(expect.objectContaining({ code: 'outbound_refused' }));
  });
});

describe('addresses that cannot be reached', () => {
  const unreachable = async (url: string, options: ProbeOptions = {}) => {
    const { findings, documents, unknowns } = await added(url, options);
    expect(documents).toEqual([]);
    return { endpoint: findings.endpoint, said: unknowns[0] };
  };

  test('a name that does not resolve', async () => {
    const { endpoint, said } = await unreachable('https://no-such-host.invalid/mcp');
    expect(endpoint).toMatchObject({ type: 'unreachable', reason: 'dns' });
    expect(said).toMatchObject({ move: 'you', todo: expect.stringContaining('Check the name') });
  });

  test('a port where nobody listens', async () => {
    expect((await unreachable('http://127.0.0.1:1/mcp')).endpoint).toMatchObject({ reason: 'connection' });
  });

  test('a certificate of an authority that nobody trusts, until it is given', async () => {
    const authority = await createTestAuthority();
    const https = await startHttpsServer(authority, (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    });
    opened.push(() => https.close());
    const { endpoint, said } = await unreachable(`${https.origin}/mcp`);
    expect(endpoint).toMatchObject({ reason: 'tls' });
    expect(said?.todo).toContain('SALLYPORT_CA_FILES');
    const options = { extraCertificateAuthorities: [authority.certificate] };
    expect((await added(`${https.origin}/mcp`, options)).findings.endpoint.type).toBe('mcp');
  });

  test('a certificate of another name', async () => {
    const authority = await createTestAuthority();
    const https = await startHttpsServer(authority, (_request, response) => response.end(), { host: 'other.example' });
    opened.push(() => https.close());
    const { said } = await unreachable(`https://[::ffff:127.0.0.1]:${https.port}/mcp`, {
      extraCertificateAuthorities: [authority.certificate],
    });
    expect(said?.what).toMatch(/certificate of another name|trusts/);
  });

  test('https at a port without TLS', async () => {
    const { origin } = await serve(() => html);
    const { endpoint, said } = await unreachable(`${origin.replace('http:', 'https:')}/mcp`);
    expect(endpoint).toMatchObject({ reason: 'tls' });
    expect(said?.todo).toContain('type http://');
  });

  test('a server that never answers ends within the time the probe has', async () => {
    const { origin } = await serve(() => 'hang');
    const began = performance.now();
    const { endpoint } = await unreachable(`${origin}/mcp`, { budgetMs: 500 });
    expect(endpoint).toMatchObject({ reason: 'timeout' });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('a server that answers a look and nothing else ends within the time the probe has', async () => {
    const { origin } = await serve((request) => (request.method === 'ping' ? unauthorized() : 'hang'));
    const began = performance.now();
    const { parsed } = await added(`${origin}/mcp`, { budgetMs: 1_000 });
    expect(performance.now() - began).toBeLessThan(6_000);
    expect(parsed.map(({ kind }) => kind)).toContain('AccessPolicy');
  });
});

test('a server that answers without end is read no further than it may be', async () => {
  const description = 'x'.repeat(20 * 1_048_576);
  const tools = JSON.stringify([{ name: 'huge', description, inputSchema: { type: 'object' } }]);
  const { origin } = await serve((request) => mcp('modern', tools)(request));
  const { findings, specOf } = await added(`${origin}/mcp`);
  expect([findings.relay, findings.sdk]).toMatchObject([
    { outcome: 'failed', reason: 'too-large' },
    { outcome: 'failed' },
  ]);
  expect(specOf('AccessPolicy')).toMatchObject(CLOSED);
});

test('a server that shows its tools to one client only is said to do so', async () => {
  let lists = 0;
  const { origin } = await serve((request) => {
    const tools = request.method === 'tools/list' && ++lists > 1 ? '[]' : TOOLS;
    return mcp('modern', tools)(request);
  });
  const { differences } = await added(`${origin}/mcp`);
  expect(differences).toMatchObject([{ about: 'tools', means: expect.stringContaining('different tools') }]);
});

describe('an entry of a registry', () => {
  test('leads to the server, with the header that it says', async () => {
    const { origin } = await serve((request) => (request.path === '/mcp' ? unauthorized() : json({}, 404)));
    const entry = readServerJson(
      JSON.stringify({
        name: 'com.example/search',
        title: 'Search',
        remotes: [
          {
            type: 'streamable-http',
            url: `${origin}/mcp`,
            headers: [{ name: 'X-Api-Key', description: 'Search API key', isRequired: true, isSecret: true }],
          },
        ],
      }),
      'search.json',
    );
    if (entry.type !== 'remote') throw new Error('The entry has an address.');
    const { parsed, specOf } = await added(entry.url, { registry: entry.entry });
    expect(specOf('CredentialProvider')).toMatchObject({
      type: 'static',
      send: { as: 'header', name: 'X-Api-Key' },
      label: 'Search API key',
    });
    expect(parsed[1]).toMatchObject({ name: 'search', spec: { title: 'Search' } });
  });

  test('is found by its name, at the registry that was typed', async () => {
    const server = {
      name: 'com.example/notes',
      remotes: [{ type: 'streamable-http', url: 'https://mcp.notes.example/mcp' }],
    };
    const { origin, seen } = await serve(({ path }) =>
      path === '/v0.1/servers/com.example%2Fnotes/versions/latest' ? json({ server, _meta: {} }) : json({}, 404),
    );
    expect(await findInRegistry('com.example/notes', { registry: origin })).toMatchObject({
      type: 'remote',
      url: 'https://mcp.notes.example/mcp',
    });
    expect(await findInRegistry('com.example/none', { registry: `${origin}/` })).toMatchObject({
      type: 'unusable',
      why: { move: 'you', what: expect.stringContaining('has no server "com.example/none"') },
    });
    expect(await findInRegistry('x', { registry: 'http://127.0.0.1:1' })).toMatchObject({ type: 'unusable' });
    expect(seen).toHaveLength(2);
  });
});
