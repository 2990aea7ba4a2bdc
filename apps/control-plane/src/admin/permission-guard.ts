import { constantTimeEqual } from '@sallyport/kernel';
import type { Secret } from '@sallyport/kernel';
import { problem } from '@sallyport/http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { accessOf } from './access.js';
import { setActor, TOKEN_HOLDER } from './actor.js';

const PROBLEM = 'application/problem+json; charset=utf-8';

/**
 * Refuses whoever lacks the permission that a route declares, and everybody at a route that declares nothing. The
 * administrator's token is the one credential today, and gives every permission.
 *
 * A hook of Fastify, and not a guard of Nest: a guard of Nest runs after the body was read, and nobody without a
 * permission gets that far here (security rule S33). The guard goes by the matched route, because an address has many
 * spellings. An address that matches no route passes, and is answered with 404.
 */
export function guardByPermission(server: FastifyInstance, token: Secret): void {
  server.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.url === undefined) return;
    const access = accessOf(request);
    if (access?.type === 'open') return;
    if (access === undefined) return await refuse(reply, 403, 'Nobody may ask this route: it declares no permission.');
    if (isAdministrator(request.headers.authorization, token)) return setActor(request, TOKEN_HOLDER);
    void reply.header('www-authenticate', 'Bearer realm="sallyport-admin"');
    await refuse(reply, 401, 'This needs the administrator token: Authorization: Bearer <token>.');
  });
}

async function refuse(reply: FastifyReply, status: number, detail: string): Promise<void> {
  await reply
    .status(status)
    .header('content-type', PROBLEM)
    .send({ ...problem(status), detail });
}

/** Whether the `Authorization` header shows the administrator's token. Compares in constant time. */
export function isAdministrator(authorization: string | undefined, token: Secret): boolean {
  const presented = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
  return presented !== undefined && constantTimeEqual(presented, token.reveal());
}
