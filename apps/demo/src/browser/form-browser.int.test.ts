import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { FormBrowser, type Landing, type Page } from './form-browser.js';
import { walkPages } from './walk-pages.js';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()));
});

async function site(
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  const server = createServer(
    (request, response) => void text(request).then((body) => handle(request, response, body)),
  );
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  open.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function pageOf(landing: Landing): Page {
  if (landing.type !== 'page') throw new Error(`the browser stopped at ${landing.url.href}`);
  return landing.page;
}

const html = (response: ServerResponse, body: string, status = 200) =>
  response.writeHead(status, { 'content-type': 'text/html' }).end(`<html><body>${body}</body></html>`);

describe('a browser made of forms', () => {
  it('keeps cookies across redirects and sends hidden fields, its fields and the pressed button', async () => {
    const url = await site((request, response, body) => {
      if (request.url === '/')
        return void response.writeHead(302, { location: '/form', 'set-cookie': 'a=1; Path=/; HttpOnly' }).end();
      if (request.url === '/form')
        return void html(
          response,
          '<h1>Hello</h1><form method="post" action="/send"><input type="hidden" name="csrf" value="t&amp;1"><input name="user"><button name="decision" value="yes">Yes</button></form>',
        );
      return void html(
        response,
        `<h1>${request.headers.cookie ?? ''} ${request.headers.origin ?? ''}</h1><p>${decodeURIComponent(body)}</p>`,
      );
    });
    const browser = new FormBrowser();
    const form = pageOf(await browser.open(url));
    expect(form).toMatchObject({ status: 200, title: 'Hello', url: new URL('/form', url) });
    const button = form.forms[0]?.buttons[0];
    expect(button).toEqual({ label: 'Yes', name: 'decision', value: 'yes' });
    const sent = pageOf(await browser.submit(form, { ...(button ? { button } : {}), fields: { user: 'alice' } }));
    expect(sent.title).toBe(`a=1 ${url}`);
    expect(sent.text).toContain('csrf=t&1&user=alice&decision=yes');
  });

  it('stops at the URL it was told to, without opening it', async () => {
    const opened: (string | undefined)[] = [];
    const url = await site((request, response) => {
      opened.push(request.url);
      response.writeHead(303, { location: 'http://127.0.0.1:1/callback?code=c&state=s' }).end();
    });
    const browser = new FormBrowser({ stopAt: (target) => target.href.startsWith('http://127.0.0.1:1/callback') });
    expect(await browser.open(url)).toEqual({
      type: 'stopped',
      url: new URL('http://127.0.0.1:1/callback?code=c&state=s'),
    });
    expect(opened).toEqual(['/']);
  });

  it('goes on from a page that refreshes elsewhere', async () => {
    const url = await site(
      (request, response) =>
        void html(
          response,
          request.url === '/'
            ? '<META HTTP-EQUIV="Refresh" content="0; url=/next?a=1&amp;b=2">'
            : `<h1>${request.url ?? ''}</h1>`,
        ),
    );
    expect(pageOf(await new FormBrowser().open(url)).title).toBe('/next?a=1&b=2');
  });

  it('keeps the cookies of one host to that host, and two browsers apart', async () => {
    const url = await site(
      (request, response) =>
        void response
          .writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'a=1' })
          .end(`<h1>${request.headers.cookie ?? 'no cookie'}</h1>`),
    );
    const browser = new FormBrowser();
    expect(pageOf(await browser.open(url)).title).toBe('no cookie');
    expect(pageOf(await browser.open(url)).title).toBe('a=1');
    expect(await browser.jar.getCookies('http://other.example/')).toEqual([]);
    expect(pageOf(await new FormBrowser().open(url)).title).toBe('no cookie');
  });

  it('gives up on a redirect loop', async () => {
    const url = await site((_request, response) => void response.writeHead(302, { location: '/' }).end());
    await expect(new FormBrowser().open(url)).rejects.toMatchObject({ code: 'too_many_redirects' });
  });

  it('walks: signs in, agrees, and never presses a refusing button', async () => {
    const pressed: string[] = [];
    const url = await site((request, response, body) => {
      if (request.method === 'POST') pressed.push(body);
      if (request.url === '/')
        return void html(
          response,
          '<h1>Sign in</h1><form method="post" action="/consent"><input name="username"><input type="password" name="password"><button>Sign in</button></form>',
        );
      if (request.url === '/consent')
        return void html(
          response,
          '<h1>Allow?</h1><form method="post" action="/done"><button name="d" value="deny">Deny</button><button name="d" value="allow">Allow</button></form>',
        );
      return void html(response, '<h1>Connected</h1>');
    });
    const browser = new FormBrowser();
    const seen: string[] = [];
    const end = await walkPages(browser, await browser.open(url), {
      credentials: () => ({ username: 'alice', password: 'pw' }),
      onStep: ({ page, action }) => seen.push(`${page.title}: ${action}`),
    });
    expect(pageOf(end).title).toBe('Connected');
    expect(pressed).toEqual(['username=alice&password=pw', 'd=allow']);
    expect(seen).toEqual(['Sign in: sign in as alice', 'Allow?: Allow']);
  });

  it('says which page refused it', async () => {
    const url = await site((_request, response) => void html(response, '<h1>No</h1><p>Wrong user.</p>', 403));
    const browser = new FormBrowser();
    await expect(walkPages(browser, await browser.open(url), { credentials: () => undefined })).rejects.toMatchObject({
      code: 'page_refused',
      message: `${url}/ answered 403: No Wrong user.`,
    });
  });
});
