import { constantTimeEqual } from '@sallyport/kernel';
import type { Secret } from '@sallyport/kernel';
import type { FastifyInstance } from 'fastify';

/**
 * Every route under `/v1/` needs the administrator's token, those included that are added later. Decided on the matched
 * route, not on the address as it was written: an address has many spellings. Compared in constant time.
 */
export function requireAdminToken(server: FastifyInstance, token: Secret): void {
  server.addHook('onRequest', async (request, reply) => {
    if (!isAdministration(request.routeOptions.url)) return;
    const presented = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (presented !== undefined && constantTimeEqual(presented, token.reveal())) return;
    await reply
      .status(401)
      .header('www-authenticate', 'Bearer realm="sallyport-admin"')
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send({
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        detail: 'This needs the administrator token: Authorization: Bearer <token>.',
      });
  });
}

/** @param route the matched one; `undefined` where there is none */
export const isAdministration = (route: string | undefined): boolean => route?.startsWith('/v1/') === true;
