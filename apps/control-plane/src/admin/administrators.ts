import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AccessTokenVerifier, TokenFailure } from '@sallyport/access-token';
import type { Actor, Writer } from '@sallyport/admin-api';
import { vouchesFor, type Identity } from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { constantTimeEqual, hasCode, type Secret } from '@sallyport/kernel';
import { isMachine, type Caller } from '@sallyport/policy';
import { administratorRolesOf, type Administering } from '@sallyport/policy/administrators';
import type { FastifyRequest } from 'fastify';
import { TOKEN_HOLDER } from './actor.js';

/** Who asks the API, with the roles they have at this moment; `caller` is absent with the token file. */
export interface Administrator extends Writer {
  readonly actor: Actor;
  readonly caller?: Caller;
}

export type Identified =
  | { readonly ok: true; readonly administrator: Administrator }
  | { readonly ok: false; readonly reason: TokenFailure | 'missing' };

export interface AdministratorsParts {
  /** What the token file holds: whoever shows it is owner (break glass). */
  readonly token: Secret;
  /** Of tokens for the API: signature, audience, expiry, and whether session, user and agent were revoked. */
  readonly verifier: Pick<AccessTokenVerifier, 'verify' | 'recall'>;
  /** What the identity provider said of a user last; `undefined` of one nobody knows. */
  readonly findUser: (id: string) => Promise<Identity | undefined>;
  readonly snapshot: () => ConfigurationSnapshot;
}

/**
 * Says who asks the API. A token says who somebody is and nothing of what they may: roles come from the documents as
 * they are now, and from what the identity provider said of the user last (S4). Who is no administrator any more is
 * one with no roles, at the next request.
 */
export class Administrators {
  readonly #parts: AdministratorsParts;

  constructor(parts: AdministratorsParts) {
    this.#parts = parts;
  }

  /** @throws SallyportError while the configuration is not to be trusted: only the token file works then */
  async identify(authorization: string | undefined): Promise<Identified> {
    const shown = bearerOf(authorization);
    if (shown === undefined) return { ok: false, reason: 'missing' };
    if (this.#isTokenOfFile(shown)) return { ok: true, administrator: { actor: TOKEN_HOLDER, roles: ['owner'] } };
    const verified = await this.#parts.verifier.verify(shown);
    if (!verified.ok) return verified;
    const { caller } = verified;
    return { ok: true, administrator: isMachine(caller) ? this.#pipeline(caller) : await this.#user(caller) };
  }

  /** Whether this is who it was before, without a promise: to go first, not to be let in (S34). */
  isKnown(authorization: string | undefined): boolean {
    const shown = bearerOf(authorization);
    if (shown === undefined) return false;
    try {
      return this.#isTokenOfFile(shown) || this.#parts.verifier.recall(shown) !== undefined;
    } catch (error) {
      if (isConfigurationOutage(error)) return false;
      throw error;
    }
  }

  #isTokenOfFile(shown: string): boolean {
    return constantTimeEqual(shown, this.#parts.token.reveal());
  }

  #pipeline(caller: Caller): Administrator {
    const { clientId, agentName } = caller;
    const snapshot = this.#parts.snapshot();
    const who: Administering = { type: 'agent', clientId };
    const isStillThere = snapshot.get('Agent', clientId)?.spec.machine !== undefined;
    const roles = isStillThere ? administratorRolesOf(snapshot, who) : [];
    return { actor: { type: 'agent', id: clientId, name: agentName }, roles, who, caller };
  }

  async #user(caller: Caller): Promise<Administrator> {
    const user = await this.#parts.findUser(caller.userId);
    const snapshot = this.#parts.snapshot();
    const actor: Actor = { type: 'user', id: caller.userId, ...named(user) };
    const provider = user ? snapshot.get('TrustProvider', user.trustProvider) : undefined;
    if (!user || !provider || !vouchesFor(provider, user)) return { actor, roles: [], caller };
    const who: Administering = { type: 'user', membership: user };
    return { actor, roles: administratorRolesOf(snapshot, who), who, caller };
  }
}

/** The configuration has not arrived, or is too old to go by. */
export const isConfigurationOutage = (error: unknown): boolean =>
  hasCode(error, 'configuration_not_ready') || hasCode(error, 'configuration_stale');

const named = (user: Identity | undefined) => {
  const name = user?.email ?? user?.name;
  return name === undefined ? {} : { name };
};

/** RFC 6750 section 2.1. */
const bearerOf = (authorization: string | undefined): string | undefined =>
  /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];

const known = new WeakMap<FastifyRequest, Administrator>();

/** The permission guard says here whom it let in. */
export const setAdministrator = (request: FastifyRequest, administrator: Administrator): void =>
  void known.set(request, administrator);

/** Who asks a route that needs a permission, with their roles. @throws TypeError where the guard let nobody in */
export function administratorOf(request: FastifyRequest): Administrator {
  const administrator = known.get(request);
  if (administrator === undefined) throw new TypeError('this route asks for nobody');
  return administrator;
}

/** The parameter of a handler that is who asks. @throws TypeError at a route that the guard does not guard */
export const By = createParamDecorator((_data: undefined, context: ExecutionContext): Administrator =>
  administratorOf(context.switchToHttp().getRequest<FastifyRequest>()),
);
