import { Webhook } from 'standardwebhooks';
import { HttpReceiver } from './http-receiver.js';
import { idOf, type TestReceiver } from './test-receiver.js';

/** Verifies messages with the library of Standard Webhooks. @param secret `whsec_…` */
export async function startWebhookReceiver(secret: string): Promise<TestReceiver & { readonly url: string }> {
  const verifier = new Webhook(secret);
  const kept: string[] = [];
  const poison = new Set<string>();
  const http = new HttpReceiver(({ headers, body }) => {
    const text = body.toString();
    try {
      verifier.verify(text, Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])));
    } catch (error) {
      return { status: 401, body: String(error) };
    }
    const { data } = JSON.parse(text) as { data: object };
    if (poison.has(idOf(data))) return { status: 400, body: 'not this one' };
    kept.push(JSON.stringify(data));
    return { status: 204 };
  });
  await http.start();
  return { http, kept: () => Promise.resolve(kept), poison, url: `${http.origin}/hook`, stop: () => http.stop() };
}
