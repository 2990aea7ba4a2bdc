import { expect, test } from 'vitest';
import type { RelayAnswer } from './relay.js';
import { eraShownBy } from './server-era.js';

const message = (status: number, body: object): RelayAnswer => ({
  type: 'message',
  status,
  sessionId: undefined,
  message: { json: '', value: { jsonrpc: '2.0', id: 1, ...body } },
});
const error = (status: number, code: number, data?: unknown) => message(status, { error: { code, message: '', data } });

test.each<[string, RelayAnswer, 'modern' | 'legacy' | undefined]>([
  ['a result', message(200, { result: { resultType: 'complete' } }), 'modern'],
  ['a result without its type', message(200, { result: {} }), undefined],
  ['an error with 200, which any server gives', error(200, -32602), undefined],
  ['what discovery tells', message(200, { result: { supportedVersions: ['2026-07-28'] } }), 'modern'],
  ['a list of versions with ours', error(400, -32022, { supported: ['2026-07-28'] }), 'modern'],
  ['a list of versions without ours', error(400, -32022, { supported: ['2025-11-25'] }), 'legacy'],
  ['a header mismatch', error(400, -32020), 'modern'],
  ['an unknown method with 404', error(404, -32601), 'modern'],
  ['the bad request of a v1 server', error(400, -32000), undefined],
  ['a 400 that is no JSON', { type: 'failed', reason: 'http-status', status: 400 }, undefined],
  ['a rejected credential', { type: 'credential-rejected' }, undefined],
  ['a 403', { type: 'failed', reason: 'http-status', status: 403 }, undefined],
  ['a 503', { type: 'failed', reason: 'http-status', status: 503 }, undefined],
  ['silence', { type: 'failed', reason: 'timeout' }, undefined],
])('%s shows the era as it should', (_what, answer, era) => {
  expect(eraShownBy(answer)).toBe(era);
});
