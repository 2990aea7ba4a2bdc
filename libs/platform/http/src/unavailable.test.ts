import { SallyportError } from '@sallyport/kernel';
import { createLogger } from '@sallyport/telemetry';
import { createFakeClock } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { Unavailable } from './index.js';

const away = Object.assign(new Error('away'), { code: 'P1001' });
function make() {
  const lines: string[] = [];
  const clock = createFakeClock(0);
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const page = (path: string) =>
    path === '/page' ? { html: '<h1>Later</h1>', contentSecurityPolicy: "default-src 'none'" } : undefined;
  return {
    lines,
    clock,
    unavailable: new Unavailable({ isStoreOutage: (error) => error === away, page, logger, clock }),
  };
}

test('an outage is what the store says is one, and what says that the configuration or the bus is away (M5)', () => {
  const { unavailable } = make();
  const told = [
    away,
    new SallyportError('configuration_stale', 'x', { isOutage: true }),
    new SallyportError('messaging_timeout', 'x', { isOutage: true }),
  ];
  expect(told.map((error) => unavailable.is(error))).toEqual(told.map(() => true));
  const others = [
    new Error('configuration_stale'),
    new SallyportError('vault_key_missing', 'messaging_timeout'),
    new SallyportError('messaging_timeout', 'x'),
    Object.assign(new Error('x'), { code: 'configuration_stale', isOutage: true }),
    'away',
    undefined,
  ];
  expect(others.map((error) => unavailable.is(error))).toEqual(others.map(() => false));
});

test('it is answered as OAuth and as a problem to programs, by a page to people, never to be kept, and is one line a minute in the log (M5)', () => {
  const { unavailable, lines, clock } = make();
  const answer = unavailable.answer(away, '/token');
  expect(answer.headers).toEqual({
    'retry-after': '5',
    'cache-control': 'no-store',
    'content-type': 'application/problem+json; charset=utf-8',
  });
  expect(JSON.parse(answer.body)).toMatchObject({
    status: 503,
    error: 'temporarily_unavailable',
    error_description: expect.stringContaining('try again'),
  });
  expect(unavailable.answer(away, '/page')).toEqual({
    headers: {
      ...answer.headers,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'",
    },
    body: '<h1>Later</h1>',
  });
  clock.advance(59_000);
  unavailable.answer(away, '/token');
  expect(lines).toHaveLength(1);
  clock.advance(1_000);
  unavailable.answer(away, '/token');
  expect(lines).toHaveLength(2);
});
