import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { facts, html, minuteOf, notice, onwardPage, renderPage, sendPage } from './index.js';

const attack = `"><script>alert('x')</script>`;
const page = { title: attack, body: html`<p>${attack}</p>` };

test('what goes into a page is text, in elements and in attributes, unless it is markup of ours (S35)', () => {
  expect(html`<a title="${`"><script>'&\``}">${html`<b>${'<i>'}</b>`}${[html`1`, html`2`]}${3}</a>`.text).toBe(
    '<a title="&quot;&gt;&lt;script&gt;&#39;&amp;&#96;"><b>&lt;i&gt;</b>123</a>',
  );
  expect(html`<p>${undefined}${false}</p>`.text).toBe('<p></p>');
  for (const forged of [{ text: attack }, [{ text: attack }]])
    expect(html`<p>${forged as never}</p>`.text).toBe('<p>[object Object]</p>');
});

test('a page shows a title as text, in the heading as in the window', () => {
  const { html: document } = renderPage(page);
  expect(document).not.toContain('<script');
  expect(document.match(/&quot;&gt;&lt;script&gt;/g)).toHaveLength(3);
  expect(document.match(/<h1>/g)).toHaveLength(1);
});

test('a page runs no script, loads nothing, cannot be framed and posts only to us (S35)', () => {
  const { html: document, contentSecurityPolicy } = renderPage(page);
  const style = /<style>([\s\S]*?)<\/style>/.exec(document)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  expect(contentSecurityPolicy).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  );
  expect(document).not.toMatch(/<[^>]*\s(?:on\w+|style|src)\s*=|@import|url\(/);
});

test('a page that goes on says where, in a link too', () => {
  const { html: document } = renderPage(onwardPage({ title: 'On', to: 'https://a.example/?b=1&c="', link: 'Go' }));
  expect(document).toContain('<meta http-equiv="refresh" content="0; url=https://a.example/?b=1&amp;c=&quot;">');
  expect(document).toContain('href="https://a.example/?b=1&amp;c=&quot;">Go</a>');
});

test.each(['javascript:alert(1)', ' JavaScript:x', 'data:text/html,x', 'file:///etc/passwd'])(
  'no page goes on to %s',
  (to) => {
    expect(() => renderPage(onwardPage({ title: 'On', to, link: 'Go' }))).toThrow('places only');
  },
);

test('a page is sent with its status, as HTML that nobody keeps', () => {
  const sent: unknown[] = [];
  const reply = {
    status: (code: number) => sent.push(code),
    headers: (values: Record<string, string>) => sent.push(values),
    send: (body: string) => sent.push(body),
  };
  sendPage(reply, { ...page, status: 410 });
  expect(sent).toEqual([
    410,
    {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': renderPage(page).contentSecurityPolicy,
      'referrer-policy': 'same-origin',
    },
    renderPage(page).html,
  ]);
});

test('facts that are not there leave no line, and neither does a notice without words', () => {
  expect(facts(['A', '<1>'], undefined, false, ['B', html`<b>2</b>`]).text.replaceAll('\n', '')).toBe(
    '<dl><div><dt>A</dt><dd>&lt;1&gt;</dd></div><div><dt>B</dt><dd><b>2</b></dd></div></dl>',
  );
  expect([notice(undefined).text, notice('<x>').text]).toEqual(['', '<p role="status">&lt;x&gt;</p>']);
});

test('a moment is read to the minute, in UTC', () => {
  expect(minuteOf(new Date('2026-11-30T08:15:59Z'))).toBe('2026-11-30 08:15 UTC');
});
