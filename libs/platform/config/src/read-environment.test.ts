import { Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { readEnvironment, variable } from './index.js';

const schema = z.object({
  SALLYPORT_PORT: variable.port().default(7400),
  SALLYPORT_PUBLIC_URL: variable.origin(),
  SALLYPORT_TRUSTED_PROXIES: variable.list().default([]),
  SALLYPORT_STALENESS: variable.duration().default(300_000),
  SALLYPORT_PASSWORD: variable.secret().optional(),
});
const read = (env: Record<string, string>) => readEnvironment(schema, env, { prefix: 'SALLYPORT_' });

test('values are parsed, defaults apply, and an empty variable counts as unset', () => {
  const config = read({
    SALLYPORT_PUBLIC_URL: 'https://gateway.example/',
    SALLYPORT_PORT: '',
    SALLYPORT_TRUSTED_PROXIES: '10.0.0.1, 10.0.0.2,',
    SALLYPORT_STALENESS: '10s',
    SALLYPORT_PASSWORD: 'hunter2',
    PATH: '/bin',
  });
  expect(config).toEqual({
    SALLYPORT_PORT: 7400,
    SALLYPORT_PUBLIC_URL: 'https://gateway.example',
    SALLYPORT_TRUSTED_PROXIES: ['10.0.0.1', '10.0.0.2'],
    SALLYPORT_STALENESS: 10_000,
    SALLYPORT_PASSWORD: new Secret('hunter2'),
  });
  expect(JSON.stringify(config)).not.toContain('hunter2');
});

test('what other programs read in lower case first counts so here, and is named as it was written', () => {
  const proxies = z.object({
    HTTPS_PROXY: z.string().startsWith('http', 'must be a proxy').optional(),
    NO_PROXY: z.string().default(''),
  });
  const readThem = (env: Record<string, string>) => readEnvironment(proxies, env, { prefix: 'SALLYPORT_' });
  expect(readThem({ HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower', no_proxy: '', NO_PROXY: 'a' })).toEqual({
    HTTPS_PROXY: 'http://lower',
    NO_PROXY: 'a',
  });
  expect(() => readThem({ https_proxy: 'socks5://x' })).toThrow(/https_proxy: must be a proxy/);
  expect(() => readThem({ HTTPS_PROXY: 'socks5://x' })).toThrow(/HTTPS_PROXY: must be a proxy/);
  expect(() =>
    readEnvironment(z.object({ DATABASE_URL: z.string() }), { database_url: 'x' }, { prefix: 'SALLYPORT_' }),
  ).toThrow('DATABASE_URL is required');
});

test('an unknown variable with our prefix fails the start and names the likely one', () => {
  expect(() => read({ SALLYPORT_PUBLIC_URL: 'https://gateway.example', SALLYPORT_PROT: '1' })).toThrow(
    /SALLYPORT_PROT is not a setting of this process \(did you mean SALLYPORT_PORT\?\)/,
  );
});

test('every bad variable gets its own line, without its value (S30)', () => {
  const failure = captured(() =>
    read({
      SALLYPORT_PORT: '70000x',
      SALLYPORT_PUBLIC_URL: 'https://user:hunter2@gateway.example/path',
      SALLYPORT_STALENESS: 'soon',
    }),
  );
  expect(failure).toMatchObject({ code: 'configuration_invalid' });
  expect(String(failure)).not.toMatch(/hunter2|70000x|soon/);
  expect(String(failure).split('\n').slice(1)).toEqual([
    '  SALLYPORT_PORT: must be a whole number from 0 to 65535',
    '  SALLYPORT_PUBLIC_URL: must be an origin such as https://gateway.example, without a path',
    '  SALLYPORT_STALENESS: must be a number and a unit: 90s, 15m, 12h or 14d',
  ]);
});

test('a missing variable is said to be required', () => {
  expect(() => read({})).toThrow('SALLYPORT_PUBLIC_URL is required');
});

function captured(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure');
}

test('variables of the command line are another program’s, and what is unknown otherwise still fails', () => {
  const env = { SALLYPORT_PUBLIC_URL: 'https://gateway.example', SALLYPORT_URL: 'https://control.example' };
  expect(read(env)).not.toHaveProperty('SALLYPORT_URL');
  expect(() => read({ ...env, SALLYPORT_URLS: 'x' })).toThrow('SALLYPORT_URLS is not a setting of this process');
});
