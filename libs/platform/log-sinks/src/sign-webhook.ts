import { createHmac } from 'node:crypto';
import type { Secret } from '@sallyport/kernel';

const SHORTEST = 24;
const LONGEST = 64;

/**
 * The header fields of a message as Standard Webhooks 1.0 says: an HMAC-SHA256 over id, time and body, so that whoever
 * holds the secret can tell that it is ours, whole and recent. `undefined`: the secret is none of theirs.
 * @param now milliseconds
 */
export function signWebhook(
  { id, body, now }: { id: string; body: string; now: number },
  secret: Secret,
): Readonly<Record<string, string>> | undefined {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret.reveal())?.[1];
  const key = Buffer.from(encoded ?? '', 'base64');
  if (key.length < SHORTEST || key.length > LONGEST) return undefined;
  const timestamp = String(Math.floor(now / 1000));
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
  };
}
