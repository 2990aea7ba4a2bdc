import { bearerChallenge, type TokenFailure } from '@sallyport/access-token';
import { isPermitted, PERMISSIONS, type Permission } from '@sallyport/admin-api';
import { problem, problemType, type Problem } from '@sallyport/http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { accessOf } from './access.js';
import { setActor } from './actor.js';
import { isConfigurationOutage, setAdministrator, type Administrator, type Administrators } from './administrators.js';
import type { AdministrationRecords } from './record-administration.js';

const PROBLEM = 'application/problem+json; charset=utf-8';
const RETRY_SECONDS = 5;

export interface PermissionGuard {
  readonly administrators: Pick<Administrators, 'identify'>;
  readonly records: Pick<AdministrationRecords, 'asked' | 'refused'>;
  /** Where the metadata of the API is (RFC 9728). */
  readonly resourceMetadataUrl: string;
}

/**
 * Refuses whoever lacks the permission that a route declares, and everybody at a route that declares nothing (S29).
 *
 * A hook of Fastify, and not a guard of Nest: a guard of Nest runs after the body was read, and nobody without a
 * permission gets that far here (security rule S33). The guard goes by the matched route, because an address has many
 * spellings. An address that matches no route passes, and is answered with 404.
 */
export function guardByPermission(server: FastifyInstance, guard: PermissionGuard): void {
  const { administrators, records, resourceMetadataUrl } = guard;
  server.addHook('onRequest', async (request, reply) => {
    const { url: route } = request.routeOptions;
    if (route === undefined) return;
    const access = accessOf(request);
    if (access?.type === 'open') return;
    if (access === undefined) return await refuse(reply, 403, 'Nobody may ask this route: it declares no permission.');
    const identified = await identify(administrators, request);
    if (!identified.ok) return await refuseUnknown(reply, identified.reason, resourceMetadataUrl);
    const { administrator } = identified;
    const asked = { method: request.method, route, permission: access.permission, address: request.ip };
    if (!isPermitted(administrator.roles, access.permission)) {
      await records.refused(administrator, asked);
      return await reply
        .status(403)
        .header('content-type', PROBLEM)
        .send(notPermitted(administrator, access.permission));
    }
    await records.asked(administrator, asked);
    setActor(request, administrator.actor);
    setAdministrator(request, administrator);
  });
}

type Identified = Awaited<ReturnType<Administrators['identify']>>;

/** Without a configuration that can be trusted, nobody's roles are known; the token file works all the same. */
async function identify(
  administrators: PermissionGuard['administrators'],
  { headers: { authorization } }: FastifyRequest,
): Promise<Identified | { readonly ok: false; readonly reason: 'roles_unknown' }> {
  return administrators.identify(authorization).catch((error: unknown) => {
    if (isConfigurationOutage(error)) return { ok: false, reason: 'roles_unknown' };
    throw error;
  });
}

async function refuseUnknown(
  reply: FastifyReply,
  reason: TokenFailure | 'missing' | 'roles_unknown',
  resourceMetadataUrl: string,
): Promise<void> {
  if (reason === 'keys_unavailable' || reason === 'roles_unknown') {
    void reply.header('retry-after', String(RETRY_SECONDS));
    return await refuse(reply, 503, 'Who you are cannot be checked just now: try again in a few seconds.');
  }
  const isInvalid = reason !== 'missing';
  const challenge = bearerChallenge({ resourceMetadataUrl, ...(isInvalid && { error: 'invalid_token' as const }) });
  void reply.header('www-authenticate', challenge);
  await refuse(reply, 401, WORDS[reason] ?? WORDS.invalid);
}

const SIGN_IN = 'Sign in with the command line (`sallyport login`), or show the administrator token';
/** What is wrong, and whose move it is. */
const WORDS: Readonly<Partial<Record<TokenFailure, string>>> & Readonly<Record<'missing' | 'invalid', string>> = {
  missing: `This needs a token for the admin API: Authorization: Bearer <token>. ${SIGN_IN}.`,
  invalid: `This token is not one that the admin API takes. ${SIGN_IN}.`,
  key_withdrawn: 'The key that signed this token was withdrawn: refresh it, or sign in again.',
  audience: `This token is for another resource, such as the gateway. ${SIGN_IN}.`,
  expired: 'This token has expired: refresh it, or sign in again.',
  revoked: 'This access was revoked: sign in again, or ask an owner.',
  proof_required: 'This token is bound to a key (DPoP), which the admin API does not take: ask for one without.',
};

function notPermitted({ roles }: Administrator, permission: Permission): Problem {
  const sufficient = PERMISSIONS[permission];
  const yours = roles.length === 0 ? 'You are no administrator now' : `You are ${roles.join(' and ')}`;
  return {
    ...problem(403),
    type: problemType('not-permitted'),
    detail: `This needs the permission ${permission}, which the role ${sufficient.join(' or ')} gives. ${yours}.`,
    permission,
    roles: sufficient,
  };
}

async function refuse(reply: FastifyReply, status: number, detail: string): Promise<void> {
  await reply
    .status(status)
    .header('content-type', PROBLEM)
    .send({ ...problem(status), detail });
}
