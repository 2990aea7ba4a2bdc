import type { LookupAddress } from 'node:dns';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, request, type Server as TlsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import { eventually } from '@sallyport/testing';
import {
  createTestAuthority,
  startConnectProxy,
  type ConnectProxy,
  type ProxyAnswer,
  type TestAuthority,
} from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  createGuardedAgent,
  createProxyAgent,
  createSafeFetch,
  outboundProxy,
  readProxyUrl,
  type SafeFetchOptions,
} from './index.js';

const PASSWORD = 'pr0xy-passw0rd';
const PUBLIC = '93.184.216.34';

let authority: TestAuthority;
let proxy: ConnectProxy;
let secure: TlsServer;
let plain: Server;
let handle: RequestListener;
const ports = { secure: 0, plain: 0 };
const received: { readonly headers: unknown; readonly hasCertificate: boolean }[] = [];

beforeAll(async () => {
  authority = await createTestAuthority();
  const { key, cert } = await authority.issue({
    dns: ['api.example', 'inside.example', 'nowhere.example'],
    ip: ['127.0.0.1'],
  });
  const listener: RequestListener = (request, response) => {
    received.push({
      headers: request.headers,
      hasCertificate:
        request.socket instanceof TLSSocket && Object.keys(request.socket.getPeerCertificate()).length > 0,
    });
    handle(request, response);
  };
  secure = createTlsServer({ key, cert, requestCert: true, rejectUnauthorized: false }, listener);
  plain = createServer(listener);
  for (const [name, server] of [
    ['secure', secure],
    ['plain', plain],
  ] as const) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ports[name] = (server.address() as AddressInfo).port;
  }
  proxy = await startConnectProxy({
    reaches: {
      'api.example:443': ports.secure,
      'nowhere.example:443': ports.secure,
      'inside.example:443': ports.secure,
      'notes.inside:80': ports.plain,
      'notes.inside:443': ports.secure,
    },
  });
});
afterAll(async () => {
  await proxy.close();
  await Promise.all(
    [secure, plain].map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    ),
  );
});
beforeEach(() => {
  handle = (_request, response) => response.end('hello');
  received.length = 0;
  proxy.asked.length = 0;
});
afterEach(() => {
  proxy.instead = () => undefined;
});

/** Names as this machine would know them. */
const names: Readonly<Record<string, readonly string[]>> = {
  'api.example': [PUBLIC],
  'inside.example': ['10.0.0.7'],
  'mixed.example': [PUBLIC, '169.254.169.254'],
  'metadata.example': ['169.254.169.254'],
};
const resolve = (name: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => {
  const addresses = names[name];
  if (addresses === undefined) return done(Object.assign(new Error(`no ${name}`), { code: 'ENOTFOUND' }), []);
  done(
    null,
    addresses.map((address) => ({ address, family: 4 })),
  );
};
const through = (url = proxy.url, settings: { noProxy?: string; resolvesNames?: boolean } = {}) =>
  outboundProxy({ https: readProxyUrl(url), http: readProxyUrl(url), ...settings });
const withPassword = () => proxy.url.replace('//', `//ada:${PASSWORD}@`);
const fetching = (options: Partial<SafeFetchOptions> = {}) =>
  createSafeFetch({
    allow: [],
    userAgent: 'sallyport',
    resolve,
    proxy: through(),
    extraCertificateAuthorities: [authority.certificate],
    connectTimeoutMs: 400,
    ...options,
  });
const code = (value: string) => expect.objectContaining({ code: value });
const targets = () => proxy.asked.map(({ method, target }) => `${method} ${target}`);

test('https goes through a tunnel: the proxy learns host, port and its own password, and nothing of what is said (S30)', async () => {
  const fetch = fetching({ proxy: through(withPassword()) });
  const answer = await fetch('https://api.example/token?code=secret-code', {
    method: 'POST',
    headers: { authorization: 'Bearer secret-token' },
    body: 'refresh_token=secret-grant',
  });
  expect([answer.status, await answer.text()]).toEqual([200, 'hello']);
  expect(targets()).toEqual(['CONNECT api.example:443']);
  expect(proxy.asked[0]?.headers).toEqual({
    host: 'api.example:443',
    connection: 'keep-alive',
    'proxy-connection': 'keep-alive',
    'proxy-authorization': `Basic ${Buffer.from(`ada:${PASSWORD}`).toString('base64')}`,
  });
  expect(proxy.passed()).not.toMatch(/secret|token|refresh/);
  expect(received).toHaveLength(1);
  expect(inspect(received)).not.toMatch(/proxy|ada|cHIw/i);
});

test('the host behind the tunnel proves who it is, and not the proxy (S20)', async () => {
  await expect(fetching({ extraCertificateAuthorities: [] })('https://api.example/')).rejects.toThrow(
    code('outbound_interrupted'),
  );
  const other = await startConnectProxy({ reaches: { 'other.example:443': ports.secure } });
  await expect(
    fetching({ proxy: through(other.url, { resolvesNames: true }) })('https://other.example/'),
  ).rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } });
  await other.close();
  expect(received).toEqual([]);
});

test('plain http that the administrator allows goes through a tunnel too, and never without it', async () => {
  const allow = [{ host: 'notes.inside', http: true }];
  expect(await (await fetching({ allow })('http://notes.inside/mcp')).text()).toBe('hello');
  expect(targets()).toEqual(['CONNECT notes.inside:80']);
  await expect(fetching()('http://notes.inside/mcp')).rejects.toThrow(code('outbound_refused'));
  expect(targets()).toHaveLength(1);
});

test('this machine and what NO_PROXY names are called directly, with every check of a direct call', async () => {
  const allow = [{ host: '127.0.0.1', http: true }];
  expect((await fetching({ allow })(`http://127.0.0.1:${ports.plain}/`)).status).toBe(200);
  const direct = {
    resolve: (_name: string, done: Parameters<typeof resolve>[1]) => done(null, [{ address: '127.0.0.1', family: 4 }]),
  };
  const near = fetching({
    ...direct,
    allow: [{ host: 'api.example' }],
    proxy: through(proxy.url, { noProxy: 'elsewhere.example,.example' }),
  });
  expect((await near(`https://api.example:${ports.secure}/`)).status).toBe(200);
  await expect(
    fetching({ ...direct, proxy: through(proxy.url, { noProxy: 'api.example' }) })(
      `https://api.example:${ports.secure}/`,
    ),
  ).rejects.toThrow(code('outbound_refused'));
  expect(proxy.asked).toEqual([]);
});

describe('what the guard refuses, the proxy is never asked for (B7)', () => {
  test.each([
    'https://10.0.0.7/',
    'https://169.254.169.254/latest/meta-data/',
    'https://[fd00::1]/',
    'https://[::ffff:10.0.0.7]/',
    'https://2130706433/',
    'https://127.0.0.1/',
    'http://api.example/',
    'https://inside.example/',
    'https://mixed.example/',
    'https://metadata.example/',
  ])('%s', async (url) => {
    for (const resolvesNames of [false, true])
      await expect(fetching({ proxy: through(proxy.url, { resolvesNames }) })(url)).rejects.toThrow(
        code('outbound_refused'),
      );
    expect(proxy.asked).toEqual([]);
  });

  test('a name that does not resolve here is left to it only when that is said, or the host is listed', async () => {
    await expect(fetching()('https://nowhere.example/')).rejects.toThrow(
      expect.objectContaining({
        code: 'outbound_proxy_failed',
        message: expect.stringMatching(
          /^nowhere\.example does not resolve here.*OutboundNetwork.*SALLYPORT_PROXY_RESOLVES=true/,
        ),
        cause: expect.objectContaining({ code: 'ENOTFOUND' }),
      }),
    );
    expect(proxy.asked).toEqual([]);
    expect(
      (await fetching({ proxy: through(proxy.url, { resolvesNames: true }) })('https://nowhere.example/')).status,
    ).toBe(200);
    expect((await fetching({ allow: [{ host: 'nowhere.example' }] })('https://nowhere.example/')).status).toBe(200);
    await expect(
      fetching({ allow: [{ host: 'nowhere.example', ports: [8443] }] })('https://nowhere.example/'),
    ).rejects.toThrow(code('outbound_proxy_failed'));
    expect(targets()).toEqual(['CONNECT nowhere.example:443', 'CONNECT nowhere.example:443']);
  });

  test('a name server that says nothing holds nobody up: the name is one that does not resolve here', async () => {
    const silent = { resolve: () => undefined, connectTimeoutMs: 100 };
    await expect(fetching(silent)('https://nowhere.example/')).rejects.toThrow(
      expect.objectContaining({
        code: 'outbound_proxy_failed',
        message: expect.stringContaining('does not resolve here'),
      }),
    );
    expect(
      (await fetching({ ...silent, proxy: through(proxy.url, { resolvesNames: true }) })('https://nowhere.example/'))
        .status,
    ).toBe(200);
    expect(targets()).toEqual(['CONNECT nowhere.example:443']);
  });

  test('a host that the administrator lists may be inside', async () => {
    expect((await fetching({ allow: [{ host: 'inside.example' }] })('https://inside.example/')).status).toBe(200);
    expect(targets()).toEqual(['CONNECT inside.example:443']);
  });
});

describe('a proxy that does not let a call through is named with the reason (B32)', () => {
  const at = () => `127\\.0\\.0\\.1:${proxy.port}`;
  const answers: readonly (readonly [string, ProxyAnswer, string])[] = [
    [
      '407',
      { status: 407, headers: { 'proxy-authenticate': 'Basic realm="x"' }, body: 'please' },
      'answered 407 Proxy Authentication Required to CONNECT api\\.example:443\\. It wants another user and password: write them in its URL\\.$',
    ],
    [
      '403',
      { status: 403 },
      'answered 403 Forbidden to CONNECT api\\.example:443\\. Whoever runs the proxy has to allow it, or NO_PROXY to name the host\\.$',
    ],
    ['502', { status: 502 }, 'answered 502 Bad Gateway to CONNECT api\\.example:443\\. It does not reach the host\\.$'],
    [
      'a redirect',
      { status: 302, headers: { location: 'https://portal.example/' } },
      'answered 302 Found to CONNECT api\\.example:443\\.$',
    ],
    ['nothing', 'hang', 'did not answer CONNECT api\\.example:443 in time\\.$'],
    ['the end of the connection', 'close', 'cannot be asked for api\\.example:443: ECONNRESET\\.$'],
    ['no HTTP', 'garbage', 'cannot be asked for api\\.example:443: its answer is no HTTP \\(HPE_\\w+\\)\\.$'],
  ];
  test.each(answers)('that answers with %s', async (_what, answer, words) => {
    proxy.instead = () => answer;
    const failure: unknown = await fetching({ proxy: through(withPassword()), connectTimeoutMs: 200 })(
      'https://api.example/',
      { headers: { authorization: 'Bearer secret-token' } },
    ).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'outbound_proxy_failed',
      message: expect.stringMatching(new RegExp(`^The proxy at ${at()} ${words}`)),
    });
    expect(inspect(failure, { depth: 10 })).not.toMatch(
      new RegExp(`${PASSWORD}|${Buffer.from(`ada:${PASSWORD}`).toString('base64')}|secret-token`),
    );
    expect(received).toEqual([]);
  });

  test('that is not there', async () => {
    const gone = createTcpServer();
    await new Promise<void>((ready) => gone.listen(0, '127.0.0.1', ready));
    const { port } = gone.address() as AddressInfo;
    await new Promise((closed) => gone.close(closed));
    await expect(fetching({ proxy: through(`http://127.0.0.1:${port}`) })('https://api.example/')).rejects.toThrow(
      expect.objectContaining({
        code: 'outbound_proxy_failed',
        message: `The proxy at 127.0.0.1:${port} cannot be asked for api.example:443: ECONNREFUSED.`,
      }),
    );
  });

  test('and another time it lets it through: nothing is remembered of a failure', async () => {
    const fetch = fetching();
    proxy.instead = () => ({ status: 503 });
    await expect(fetch('https://api.example/')).rejects.toThrow(code('outbound_proxy_failed'));
    proxy.instead = () => undefined;
    expect((await fetch('https://api.example/')).status).toBe(200);
  });
});

test('a proxy behind TLS is spoken to by TLS, must be trusted, and is shown no client certificate of ours (S20)', async () => {
  const tls = await startConnectProxy({ reaches: { 'api.example:443': ports.secure }, behindTls: authority });
  const { key, cert } = await authority.issueClient('gateway');
  const clientCertificate = { certificate: cert, privateKey: key };
  expect(await (await fetching({ proxy: through(tls.url), clientCertificate })('https://api.example/')).text()).toBe(
    'hello',
  );
  expect(received.map(({ hasCertificate }) => hasCertificate)).toEqual([true]);
  expect(tls.clientCertificates).toBe(0);
  await expect(
    fetching({ proxy: through(tls.url), extraCertificateAuthorities: [] })('https://api.example/'),
  ).rejects.toThrow(
    expect.objectContaining({
      code: 'outbound_proxy_failed',
      message: expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    }),
  );
  await tls.close();
});

test('a client that brings its own HTTP is given the same tunnels, and the same words (B21)', async () => {
  const ask = (noProxy = '') =>
    new Promise<number | undefined>((answered, failed) => {
      const way = through(proxy.url, { noProxy });
      if (way === undefined) throw new Error('no proxy');
      const agent = createProxyAgent(way);
      request({ host: 'api.example', agent, ca: authority.certificate, timeout: 2_000 }, (response) => {
        response.resume();
        answered(response.statusCode);
        agent.destroy();
      })
        .on('error', failed)
        .on('timeout', () => failed(new Error('no answer')))
        .end();
    });
  expect([await ask(), targets()]).toEqual([200, ['CONNECT api.example:443']]);
  proxy.instead = () => ({ status: 407 });
  await expect(ask()).rejects.toThrow(code('outbound_proxy_failed'));
  proxy.asked.length = 0;
  await expect(ask('api.example')).rejects.not.toThrow(code('outbound_proxy_failed'));
  expect(proxy.asked).toEqual([]);
});

describe('a pool of connections', () => {
  const agent = () =>
    createGuardedAgent(
      {
        allow: [],
        resolve,
        proxy: through(),
        extraCertificateAuthorities: [authority.certificate],
        connectTimeoutMs: 100,
      },
      { connections: 1, keepAliveTimeout: 4_000 },
    );

  test('makes many calls in one tunnel, and closes it when it is closed', async () => {
    const pool = agent();
    for (let call = 0; call < 3; call++)
      await (await pool.request({ origin: 'https://api.example', path: '/', method: 'GET' })).body.text();
    expect(targets()).toHaveLength(1);
    expect(proxy.open()).toBe(1);
    await pool.destroy();
    await eventually(() => proxy.open() === 0, { until: 'the tunnel is closed' });
  });

  test('has streams that are silent for longer than a connection may take, and notices when the proxy cuts them (B5)', async () => {
    const pool = agent();
    let push: (text: string) => void = () => undefined;
    handle = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      push = (text) => void response.write(text);
    };
    const { body } = await pool.request({ origin: 'https://api.example', path: '/', method: 'GET', bodyTimeout: 0 });
    const chunks = (body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('data: 1\n\n');
    await new Promise((resume) => setTimeout(resume, 400)); // longer than any timer of the connecting
    push('data: 2\n\n');
    expect(String((await chunks.next()).value)).toBe('data: 2\n\n');
    proxy.cut();
    await expect(chunks.next()).rejects.toMatchObject({ code: expect.stringMatching(/^(UND_ERR_SOCKET|ECONNRESET)$/) });
    await pool.destroy();
  });
});
