import { outboundProxy, readProxyUrl } from '@sallyport/safe-fetch';
import { eventually } from '@sallyport/testing';
import { startConnectProxy, type ConnectProxy } from '@sallyport/testing/servers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  admin,
  alice,
  Browser,
  database,
  declared,
  deployForEachTest,
  linkFor,
  log,
  start,
} from './connect-deployment.js';

const PASSWORD = 'pr0xy-passw0rd';
/** Public, and written as it is called: nothing has to resolve. */
const SERVER = 'https://93.184.216.34/mcp';

deployForEachTest();
let proxy: ConnectProxy;
beforeEach(async () => {
  proxy = await startConnectProxy({ reaches: {} });
  proxy.instead = () => ({ status: 407 });
  declared.further = `---
kind: Webhook
name: on-call
spec: { url: "https://93.184.216.35/hook", events: [connection.needs_reconnect], signingSecret: { env: HOOK_SECRET } }
`;
  await start(SERVER, { proxy: outboundProxy({ https: readProxyUrl(proxy.url.replace('//', `//ada:${PASSWORD}@`)) }) });
});
afterEach(() => proxy.close());

test('servers and webhooks are called through the proxy, our own authorization server is not, and a proxy that refuses is told as that (B21, B32)', async () => {
  const browser = new Browser(alice.userId);
  const page = await browser.submit(await browser.open(await linkFor(alice, { targetOrigin: new URL(SERVER).origin })));
  expect(page.html).toContain('cannot be reached from here');
  const told = `The proxy at 127.0.0.1:${proxy.port} answered 407 Proxy Authentication Required to CONNECT 93.184.216.34:443. It wants another user and password: write them in its URL.`;
  const { body } = await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } });
  expect(body).toMatchObject({
    detail: {
      reason: 'outbound_proxy_failed',
      step: 'connect',
      said: told,
      remedy: expect.stringContaining('HTTPS_PROXY'),
    },
  });
  expect(log.join('')).toContain(told);
  const letter = {
    stream: 'on-call',
    eventId: 'evt_1',
    type: 'connection.needs_reconnect',
    at: new Date(),
    body: '{}',
  };
  await database.logStreamDeadLetter.create({
    data: { ...letter, attempts: 1, reason: 'http_400', said: 'HTTP 400', isAsked: true },
  });
  await eventually(
    () =>
      log.some((line) => line.includes('a log stream does not get on') && line.includes('CONNECT 93.184.216.35:443')),
    { until: 'the webhook was tried' },
  );
  expect(new Set(proxy.asked.map(({ target }) => target))).toEqual(new Set(['93.184.216.34:443', '93.184.216.35:443']));
  expect(page.html + log.join('') + (await (await admin('/v1/events')).text())).not.toMatch(
    new RegExp(`${PASSWORD}|${Buffer.from(`ada:${PASSWORD}`).toString('base64')}`),
  );
  expect(page.html).not.toContain(String(proxy.port));
});
