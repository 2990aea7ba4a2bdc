import { routes, type Route } from '@sallyport/admin-api';
import type { Prisma } from '@sallyport/database';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { findActor } from './actor.js';
import type { IdempotentAnswers, TakenKey } from './idempotent-answers.js';

const HEADER = 'idempotency-key';
/** The headers of each route that declares the key. */
const declared = new Map<string, NonNullable<Route['headers']>>(
  Object.values<Route>(routes).flatMap(({ method, path, headers }) =>
    headers?.shape[HEADER] === undefined ? [] : [[`${method} ${path}`, headers] as const],
  ),
);

/**
 * Answers a repetition under the same `Idempotency-Key` as the first request was answered, at every route that declares
 * the header. Hooks of Fastify, around whatever the route does: no handler knows of repetitions.
 */
export function answerRepetitions(server: FastifyInstance, answers: IdempotentAnswers): void {
  const taken = new WeakMap<FastifyRequest, TakenKey>();
  server.addHook('preHandler', async (request, reply) => {
    const actor = findActor(request);
    const { method, routeOptions, url, body, headers } = request;
    const key = declared.get(`${method} ${routeOptions.url ?? ''}`)?.safeParse(headers).data?.[HEADER];
    if (actor === undefined || typeof key !== 'string') return; // the route refuses a key that is none
    const outcome = await answers.take({ actor, key, sent: [method, url, body] });
    if ('taken' in outcome) return void taken.set(request, outcome.taken);
    const { status, body: known } = outcome.known;
    return await reply.status(status).header('content-type', 'application/json; charset=utf-8').send(known);
  });
  server.addHook('onSend', async (request, reply, payload) => {
    const key = taken.get(request);
    if (key === undefined) return payload;
    taken.delete(request); // when it cannot be kept, the refusal is sent through here, too
    const isDone = reply.statusCode < 300 && typeof payload === 'string';
    if (isDone) await answers.keep(key, { status: reply.statusCode, body: JSON.parse(payload) as Prisma.JsonValue });
    else await answers.giveBack(key);
    return payload;
  });
}
