import { sendPage } from '@sallyport/pages';
import type { FastifyInstance } from 'fastify';
import { busyPage } from '../pages/busy-page.js';
import type { RequestLimits } from './request-limits.js';

/** Where a browser is, and a person reads the answer; the engine's own endpoints count for themselves. */
const PAGES = /^\/(?:interaction|session)\/|^\/federation\/[^/]*\/callback$/;

/**
 * Pages make us look things up and remember them, for whoever asks (S32). Not so the logout tokens of
 * identity providers, which come in bursts and are told by their signature: what somebody else sends must not cost one
 * of them.
 */
export function limitPages(fastify: FastifyInstance, limits: Pick<RequestLimits, 'admitPage'>): void {
  fastify.addHook('onRequest', async (request, reply) => {
    if (!PAGES.test((request.raw.url ?? '').split('?', 1)[0] ?? '')) return;
    const refusal = limits.admitPage(request.ip);
    if (!refusal) return;
    reply.header('retry-after', String(refusal.retryAfterSeconds));
    sendPage(reply, busyPage());
    await reply;
  });
}
