import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { demoConfiguration } from '@sallyport/demo';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectGoodPage } from '../agents/expect-good-page.js';
import { openBrowser } from '../agents/open-browser.js';
import { describeConnectingInABrowser } from './connecting-in-a-browser.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

/** A second way to sign in, which leads on to another origin first, as companies' providers do. */
async function startProviderThatLeadsOn(): Promise<{ readonly issuer: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://127.0.0.1');
    if (pathname === '/authorize')
      return void response.writeHead(302, { location: `http://localhost:${port}/login` }).end();
    if (pathname === '/login')
      return void response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><html lang="en"><title>Company</title><h1>Company login</h1>');
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  return {
    issuer,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
const anotherProvider = (issuer: string): string => `kind: TrustProvider
name: other
spec: { displayName: Other identity provider, issuer: "${issuer}", clientId: sallyport }
---
`;

let system: System;
let browser: Browser;
let company: Awaited<ReturnType<typeof startProviderThatLeadsOn>>;
beforeAll(async () => {
  company = await startProviderThatLeadsOn();
  const port = new URL(company.issuer).port;
  const configure = (demo: Parameters<typeof demoConfiguration>[0]) =>
    `${anotherProvider(company.issuer)}${demoConfiguration(demo).replace(/ports: \[([\d, ]+)\], http: true/, `ports: [$1, ${port}], http: true`)}`;
  [system, browser] = await Promise.all([startStandalone({ logLevel: 'warn', configure }), openBrowser()]);
});
afterAll(async () => {
  await company?.close();
  await browser?.close();
  await system?.stop();
});

interface Visitor {
  readonly page: Page;
  /** The agent's request, as it is or changed. */
  authorization(changes?: Record<string, string>): string;
  /** What the agent was told when the person came back. */
  backAtTheAgent(): Promise<URLSearchParams>;
  /** What the browser refused to do, and scripts that failed. */
  readonly complaints: string[];
  close(): Promise<void>;
}

/** A person with a browser of their own, and an agent nobody has met yet. */
async function visitor(options: BrowserContextOptions = {}, leadsOnTo?: string): Promise<Visitor> {
  let returned: (answer: URLSearchParams) => void;
  const back = new Promise<URLSearchParams>((resolve) => (returned = resolve));
  const agent = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://127.0.0.1');
    if (url.pathname === '/callback') {
      returned(url.searchParams);
      if (leadsOnTo !== undefined)
        return void response
          .writeHead(307, { location: leadsOnTo.replace('PORT', String((agent.address() as AddressInfo).port)) })
          .end();
    }
    response
      .setHeader('content-type', 'text/html')
      .end('<!doctype html><html lang="en"><title>Agent</title><p>You may close this.');
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  const redirectUri = `http://127.0.0.1:${(agent.address() as AddressInfo).port}/callback`;
  const registered = await fetch(`${system.issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Notebook Agent',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
    }),
  });
  const { client_id: clientId } = (await registered.json()) as { client_id: string };
  const context = await browser.newContext(options);
  const complaints: string[] = [];
  const page = await context.newPage();
  page.on(
    'console',
    (message) => void (/Content Security Policy|Refused to/.test(message.text()) && complaints.push(message.text())),
  );
  page.on('pageerror', (error) => complaints.push(String(error)));
  return {
    page,
    authorization: (changes = {}) =>
      `${system.issuer}/authorize?${new URLSearchParams({ client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'notes.read whoami.read notes.unheard-of', state: 'x', resource: `${system.gatewayUrl}/mcp`, code_challenge: createHash('sha256').update('v'.repeat(43)).digest('base64url'), code_challenge_method: 'S256', ...changes })}`,
    backAtTheAgent: () => back,
    complaints,
    async close() {
      await context.close();
      agent.closeAllConnections();
      await new Promise((resolve) => agent.close(resolve));
    },
  };
}

/** Tabs until the control with this text has the focus, and the focus can be seen. */
async function focus(page: Page, text: string): Promise<void> {
  for (let tabs = 0; tabs < 12; tabs++) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate('document.activeElement?.textContent?.trim()')) !== text) continue;
    expect(
      await page.evaluate('Number.parseFloat(getComputedStyle(document.activeElement).outlineWidth)'),
    ).toBeGreaterThanOrEqual(2);
    return;
  }
  throw new Error(`nothing called "${text}" can be reached by keyboard`);
}

async function signIn(page: Page, name: string): Promise<void> {
  await page.fill('#username', name);
  await page.fill('#password', name);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${system.issuer}/interaction/**`);
}

const looks: [string, BrowserContextOptions][] = [
  ['a wide light screen', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }],
  ['a dark phone', { colorScheme: 'dark', viewport: { width: 360, height: 640 }, hasTouch: true }],
  [
    'a narrow phone with large print',
    {
      colorScheme: 'light',
      viewport: { width: 320, height: 568 },
      deviceScaleFactor: 2,
      forcedColors: 'active',
      reducedMotion: 'reduce',
    },
  ],
];

describe.each(looks)('on %s', (_look, options) => {
  test('an agent is allowed by keyboard alone, on pages without fault (R20, S3)', async () => {
    const { page, authorization, backAtTheAgent, complaints, close } = await visitor(options);
    await page.goto(authorization());
    expect(await page.textContent('h1')).toBe('“Notebook Agent” wants to connect');
    expect(await page.getByRole('button').allTextContents()).toEqual([
      'Continue with Demo identity provider',
      'Continue with Other identity provider',
      expect.stringMatching(/^Cancel and return to /),
    ]);
    await expectGoodPage(page);
    await focus(page, 'Continue with Demo identity provider');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#username');
    await signIn(page, 'alice');
    expect(await page.textContent('h1')).toBe('Let “Notebook Agent” act for you?');
    await expectGoodPage(page);
    await focus(page, 'Allow');
    await page.keyboard.press('Enter');
    expect((await backAtTheAgent()).get('code')).toMatch(/^[\w-]{20,}$/);
    expect(complaints).toEqual([]);
    await close();
  });

  test('an agent is not allowed, and learns that and no more (R20)', async () => {
    const { page, authorization, backAtTheAgent, complaints, close } = await visitor(options);
    await page.goto(authorization());
    await page.getByRole('button', { name: 'Continue with Demo identity provider' }).click();
    await page.waitForSelector('#username');
    await signIn(page, 'bob');
    await focus(page, 'Do not allow');
    await page.keyboard.press('Enter');
    const answer = await backAtTheAgent();
    expect([answer.get('error'), answer.has('code')]).toEqual(['access_denied', false]);
    expect(complaints).toEqual([]);
    await close();
  });

  test('what went wrong is said on a page without fault', async () => {
    const { page, authorization, complaints, close } = await visitor(options);
    for (const [url, title] of [
      [authorization({ client_id: 'nobody' }), 'This agent is not known here'],
      [authorization({ redirect_uri: 'https://elsewhere.example/cb' }), 'This agent wants its answer elsewhere'],
      [authorization({ resource: 'https://elsewhere.example/mcp' }), 'This request cannot be answered'],
      [`${system.issuer}/interaction/long-gone`, 'This request has expired'],
      [`${system.issuer}/federation/demo/callback?code=x&state=y`, 'You are not signed in'],
      [`${system.issuer}/federation/nobody/callback`, 'You are not signed in'],
    ] as const) {
      await page.goto(url);
      expect(await page.textContent('h1')).toBe(title);
      await expectGoodPage(page);
    }
    expect(complaints).toEqual([]);
    await close();
  });

  test('an agent that nobody knows is told of an error by a link that says where it leads, and by nothing else (S35)', async () => {
    const { page, authorization, backAtTheAgent, complaints, close } = await visitor(options);
    const installs = 'cursor://anysphere.cursor-mcp/oauth/callback';
    const registered = await fetch(`${system.issuer}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        client_name: '🔒 Cursor (verified)',
        redirect_uris: [installs],
        token_endpoint_auth_method: 'none',
      }),
    });
    const { client_id: clientId } = (await registered.json()) as { client_id: string };
    for (const changes of [{ client_id: clientId, redirect_uri: installs }, {}]) {
      await page.goto(authorization({ ...changes, prompt: 'none' }));
      expect(await page.textContent('h1')).toBe('This request cannot be answered');
      await expectGoodPage(page);
      if ('client_id' in changes)
        expect(await page.textContent('main')).toMatch(
          /“Cursor” wants to hear.*an application on this device \(cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\)/s,
        );
    }
    await page.getByRole('link', { name: /^Return to a program on this computer/ }).click();
    expect((await backAtTheAgent()).get('error')).toBe('login_required');
    expect(complaints).toEqual([]);
    await close();
  });
});

describe('an agent whose callback leads on', () => {
  const elsewhere = 'http://localhost:PORT/done';
  const allow = async (page: Page) => {
    await page.getByRole('button', { name: 'Continue with Demo identity provider' }).click();
    await page.waitForSelector('#username');
    await signIn(page, 'alice');
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
  };

  test('to another origin is reached when the person allows it, also when they did before (R20)', async () => {
    const { page, authorization, backAtTheAgent, complaints, close } = await visitor({}, elsewhere);
    await page.goto(authorization());
    await allow(page);
    await page.waitForURL('http://localhost:*/done');
    expect((await backAtTheAgent()).has('code')).toBe(true);
    // From now on the consent is remembered, of whoever signs in anew.
    await page.context().clearCookies();
    await page.goto(authorization({ state: 'again' }));
    await page.getByRole('button', { name: 'Continue with Demo identity provider' }).click();
    await page.waitForSelector('#username');
    await page.fill('#username', 'alice');
    await page.fill('#password', 'alice');
    await page.keyboard.press('Enter');
    await page.waitForURL('http://localhost:*/done');
    expect(complaints).toEqual([]);
    await close();
  });

  test.each([
    ['does not allow it', 'Do not allow'],
    ['turns back before signing in', 'Cancel and return'],
  ])('to another origin is reached when the person %s (R20)', async (_what, button) => {
    const { page, authorization, backAtTheAgent, complaints, close } = await visitor({}, elsewhere);
    await page.goto(authorization());
    if (button === 'Do not allow') {
      await page.getByRole('button', { name: 'Continue with Demo identity provider' }).click();
      await page.waitForSelector('#username');
      await signIn(page, 'bob');
    }
    await page.getByRole('button', { name: button }).click();
    await page.waitForURL('http://localhost:*/done');
    expect((await backAtTheAgent()).get('error')).toBe('access_denied');
    expect(complaints).toEqual([]);
    await close();
  });

  test('to an application leaves a page with a link there, and no button that does nothing (R20)', async () => {
    const { page, authorization, backAtTheAgent, complaints, close } = await visitor({}, 'agent-test:x');
    await page.goto(authorization());
    await allow(page);
    expect((await backAtTheAgent()).has('code')).toBe(true);
    await page.waitForFunction("document.querySelector('h1')?.textContent === 'Back to “Notebook Agent”'");
    await expectGoodPage(page);
    expect([
      await page.getByRole('button').count(),
      await page.getByRole('link', { name: /^Return to a program on this computer/ }).count(),
    ]).toEqual([0, 1]);
    expect(complaints).toEqual([]);
    await close();
  });
});

test('the reference of the API is read by its links, on pages without fault', async () => {
  const context = await browser.newContext(looks.at(-1)?.[1] ?? {});
  const page = await context.newPage();
  await page.goto(`${system.controlPlaneUrl}/v1/reference`);
  await expectGoodPage(page);
  await page.getByRole('link', { name: 'GET /v1/events', exact: true }).click();
  expect(await page.textContent('h1')).toBe('listEvents');
  await page.getByRole('link', { name: 'All of the reference' }).click();
  await page.getByRole('link', { name: 'Problem', exact: true }).click();
  expect(await page.textContent('h1')).toBe('Problem');
  await page.getByText('JSON Schema').click();
  await expectGoodPage(page);
  await context.close();
});

test('an identity provider that leads on to another origin is reached from the sign-in page (R7)', async () => {
  const { page, authorization, complaints, close } = await visitor();
  await page.goto(authorization());
  await page.getByRole('button', { name: 'Continue with Other identity provider' }).click();
  await page.waitForURL('http://localhost:*/login');
  expect(await page.textContent('h1')).toBe('Company login');
  expect(complaints).toEqual([]);
  await close();
});

test('the pages follow the reader from light to dark', async () => {
  const { page, authorization, close } = await visitor({ colorScheme: 'light' });
  await page.goto(authorization());
  const ground = async () => page.evaluate('getComputedStyle(document.body).backgroundColor');
  const light = await ground();
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await ground()).not.toBe(light);
  await close();
});

test('no page of another site can frame ours, nor run a script in it (S19)', async () => {
  const { page, authorization, complaints, close } = await visitor();
  await page.goto(authorization());
  const address = page.url();
  await page.evaluate(
    "{ const script = document.createElement('script'); script.textContent = 'document.title = 1'; document.body.append(script) }",
  );
  expect(await page.title()).toBe('“Notebook Agent” wants to connect · Sallyport');
  expect(complaints.some((complaint) => /script/.test(complaint))).toBe(true);

  await page
    .context()
    .route('http://127.0.0.1:9/', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<!doctype html><iframe src="${address}"></iframe>` }),
    );
  await page.goto('http://127.0.0.1:9/', { waitUntil: 'load' });
  const framed = page.frames()[1];
  expect(framed?.url().startsWith('chrome-error://') ?? false).toBe(true);
  await close();
});

describeConnectingInABrowser(
  () => system,
  () => browser,
);
