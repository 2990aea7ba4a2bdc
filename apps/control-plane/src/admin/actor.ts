import type { Actor } from '@sallyport/admin-api';
import type { FastifyRequest } from 'fastify';

/** Whoever shows the administrator token, of which there is one. */
export const TOKEN_HOLDER: Actor = { type: 'token', id: 'administrator-token' };

const actors = new WeakMap<FastifyRequest, Actor>();

/** The permission guard says here whom it let in. */
export const setActor = (request: FastifyRequest, actor: Actor): void => void actors.set(request, actor);

/** Who asks a route that needs a permission; `undefined` where the guard let nobody in. */
export const findActor = (request: FastifyRequest): Actor | undefined => actors.get(request);
