import { createHmac } from 'node:crypto';
import { Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { signWebhook } from './sign-webhook.js';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const message = { id: 'evt_1', body: '{"type":"x"}', now: 1_800_000_000_999 };

test('a webhook is signed over id, time and body, in whole seconds (B4)', () => {
  expect(signWebhook(message, new Secret(secret))).toEqual({
    'webhook-id': 'evt_1',
    'webhook-timestamp': '1800000000',
    'webhook-signature': `v1,${createHmac('sha256', Buffer.alloc(32, 7)).update('evt_1.1800000000.{"type":"x"}').digest('base64')}`,
  });
});
test.each([
  '',
  'whsec_',
  'whsec_!!!',
  Buffer.alloc(32).toString('base64'),
  `whsec_${Buffer.alloc(23).toString('base64')}`,
  `whsec_${Buffer.alloc(65).toString('base64')}`,
])('nothing is signed with what is no such secret: %j', (value) => {
  expect(signWebhook(message, new Secret(value))).toBeUndefined();
});
