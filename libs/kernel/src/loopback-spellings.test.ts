import { expect, test } from 'vitest';
import { loopbackSpellings } from './loopback-spellings.js';

test('a loopback origin has its other names, any other origin has none (S19)', () => {
  expect(loopbackSpellings('http://127.0.0.1:7400')).toEqual(['http://localhost:7400', 'http://[::1]:7400']);
  expect(loopbackSpellings('http://localhost')).toEqual(['http://127.0.0.1', 'http://[::1]']);
  expect(loopbackSpellings('https://[::1]:443')).toEqual(['https://127.0.0.1', 'https://localhost']);
  for (const origin of ['https://gateway.example', 'http://127.0.0.2:7400', 'http://localhost.evil.example']) {
    expect(loopbackSpellings(origin)).toEqual([]);
  }
});
