import { SallyportError, Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { createLogger } from './index.js';

const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1c3JfMSJ9.c2lnbmF0dXJl';

function capture() {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'gateway',
    level: 'trace',
    destination: { write: (line: string) => void lines.push(line) },
  });
  return {
    logger,
    text: () => lines.join(''),
    last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>,
  };
}

test('a line is one JSON object with level, time, name and the fields (R77)', () => {
  const { logger, last } = capture();
  logger.info({ server: 'notes', durationMs: 12, errorCode: 'refused' }, 'called');
  expect(last()).toMatchObject({
    level: 'info',
    name: 'gateway',
    server: 'notes',
    durationMs: 12,
    errorCode: 'refused',
    msg: 'called',
  });
  expect(Date.parse(String(last()['time']))).not.toBeNaN();
});

test('secrets are taken out at any depth, under any notation of their name (S30)', () => {
  const { logger, text, last } = capture();
  logger.info({
    headers: { authorization: 'Bearer hunter2', Cookie: 'hunter2', 'set-cookie': ['hunter2'] },
    deep: {
      er: {
        access_token: 'hunter2',
        refreshToken: 'hunter2',
        client_secret: 'hunter2',
        code: 'hunter2',
        code_verifier: 'hunter2',
        apiKey: 'hunter2',
      },
    },
    list: [{ password: 'hunter2' }],
    wrapped: new Secret('hunter2'),
    bytes: Buffer.from('hunter2'),
    map: new Map([['idToken', 'hunter2']]),
  });
  expect(text()).not.toContain('hunter2');
  expect(last()).toMatchObject({ deep: { er: { code: '[redacted]' } }, bytes: '[7 bytes]' });
});

test('numbers and booleans under such a name stay readable', () => {
  const { logger, last } = capture();
  logger.info({ code: 404, hasToken: true, statusCode: 200 });
  expect(last()).toMatchObject({ code: 404, hasToken: true, statusCode: 200 });
});

test('tokens, credentials in URLs and query strings are taken out of texts, messages and errors (S30)', () => {
  const { logger, text } = capture();
  logger.warn(`called with Bearer hunter2 and ${TOKEN}`);
  logger.warn(
    {
      url: 'https://idp.example/callback?code=hunter2&state=hunter2',
      path: '/authorize?state=hunter2#hunter2',
      database: 'postgresql://app:hunter2@db/app',
    },
    'see https://a.example/x?y=hunter2',
  );
  logger.error(new Error(`upstream said ${TOKEN}`));
  logger.error({ err: new Error('outer', { cause: new Error('Bearer hunter2') }) }, 'failed');
  expect(text()).not.toMatch(/hunter2|eyJ/);
  expect(text()).toContain('https://idp.example/callback?[redacted]');
});

test('an error keeps type, code, message and stack, and loses parameters and bodies (S30)', () => {
  const { logger, last } = capture();
  logger.error(
    {
      err: Object.assign(new Error('duplicate key'), {
        code: '23505',
        parameters: ['alice@example.com'],
        response: { body: 'secret words' },
      }),
    },
    'not stored',
  );
  expect(last()['err']).toEqual({
    type: 'Error',
    message: 'duplicate key',
    code: '23505',
    stack: expect.stringContaining('duplicate key'),
  });
});

test("the detail of our own errors reaches this process's log, redacted", () => {
  const { logger, last } = capture();
  logger.error({
    err: new SallyportError('lease_answer_invalid', 'No lease.', { detail: { replica: 'gw-1', token: 'hunter2' } }),
  });
  expect(last()['err']).toMatchObject({
    type: 'SallyportError',
    code: 'lease_answer_invalid',
    detail: { replica: 'gw-1', token: '[redacted]' },
  });
});

test('cycles and unbounded texts cannot break or flood a line', () => {
  const { logger, text } = capture();
  const cycle: Record<string, unknown> = { text: 'x'.repeat(100_000) };
  cycle['self'] = cycle;
  logger.info(cycle);
  expect(text().length).toBeLessThan(100_000);
});
