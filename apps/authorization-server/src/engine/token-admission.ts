import { errors, type Client, type KoaContextWithOIDC } from 'oidc-provider';
import { isFirstParty, registeredBy } from './client-metadata.js';
import type { AssertionVerdict, EngineDecisions, LifecycleSubject, MachineRequest, TokenVerdict } from './engine.js';
import { provenKey } from './internals.js';
import { TooManyRequests } from './limit-requests.js';

/** The code or refresh token that a token request presents. */
export interface TokenSource {
  readonly accountId: string;
  readonly grantId?: string | undefined;
  /** Seconds since the epoch. */
  readonly iat?: number | undefined;
  readonly authTime?: number | undefined;
  readonly acr?: string | undefined;
  readonly amr?: string[] | undefined;
}

export const isTokenSource = (source: object | undefined): source is TokenSource =>
  source !== undefined && 'grantId' in source;

type Verdict = TokenVerdict | AssertionVerdict;
type Decisions = Pick<
  EngineDecisions,
  'admitToken' | 'admitMachine' | 'isKnownScope' | 'signInVoid' | 'limits' | 'registration'
>;

/**
 * Asks the rest of the server whether a token request is admitted, and remembers the verdict until the request is
 * answered: the token's claims and scopes come from it, and so does the record in the trail.
 */
export class TokenAdmission {
  readonly #decisions: Decisions;
  readonly #verdicts = new WeakMap<object, Verdict>();

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
  }

  /** @throws OIDCProviderError which answers the request, when the code or refresh token is not good for a token now */
  async admit(ctx: KoaContextWithOIDC, kind: 'code' | 'refresh', source: TokenSource): Promise<void> {
    const { client } = ctx.oidc;
    if (!client) return;
    if (isFirstParty(client)) return this.#admitFirstParty(source);
    const verdict = await this.#decisions.admitToken({
      kind,
      grantId: source.grantId ?? '',
      ...(await presentedBy(ctx, client)),
      authentication: {
        userId: source.accountId,
        authTime: source.authTime ?? 0,
        acr: source.acr,
        amr: source.amr ?? [],
      },
    });
    this.remember(ctx, verdict);
    // The code is spent by now. A refresh token is not, and the agent may keep it.
    if (!verdict.admitted)
      throw verdict.retriable && kind === 'refresh'
        ? new IdentityProviderAway(ctx, verdict.reason)
        : new errors.InvalidGrant({ detail: verdict.reason });
    this.admitUser(ctx, source.accountId, source.grantId);
    if (registeredBy(client.clientId) === 'dynamic')
      await this.#decisions.registration.used(client.clientId, kind === 'code' ? source.accountId : undefined);
  }

  /** Client credentials (RFC 6749 section 4.4). A request that names no scope known here gets all that are admitted. */
  async admitMachine(ctx: KoaContextWithOIDC, client: Client, resource: MachineRequest['resource']): Promise<void> {
    const verdict = await this.#decisions.admitMachine({ ...(await presentedBy(ctx, client)), resource });
    this.remember(ctx, verdict);
    if (!verdict.admitted) throw refusalOf(resource, verdict.reason);
    const { params } = ctx.oidc;
    if (!params) return;
    const requested = typeof params['scope'] === 'string' ? params['scope'].split(' ') : [];
    const known = requested.filter((scope) => this.#decisions.isKnownScope(scope));
    params['scope'] = (known.length > 0 ? known : [...verdict.scopes]).join(' ');
  }

  /** An assertion that stands for a user (RFC 7523 section 2.1) was verified, or refused. */
  admitAssertion(ctx: KoaContextWithOIDC, verdict: AssertionVerdict): void {
    this.remember(ctx, verdict);
    if (verdict.admitted) this.admitUser(ctx, verdict.userId);
  }

  /** Charges the request to its user. @throws TooManyRequests (S32) */
  admitUser(ctx: KoaContextWithOIDC, userId: string, grantId?: string): void {
    const refusal = this.#decisions.limits.admitUser(userId, ctx.oidc.client?.clientId, grantId);
    if (refusal) throw new TooManyRequests(ctx, refusal);
  }

  remember(ctx: object, verdict: Verdict): void {
    this.#verdicts.set(ctx, verdict);
  }

  /** What this request was admitted to; undefined when it was refused, or nobody has asked yet. */
  admitted(ctx: object): Extract<Verdict, { admitted: true }> | undefined {
    const verdict = this.#verdicts.get(ctx);
    return verdict?.admitted ? verdict : undefined;
  }

  /** Whom the verdict is about, admitted or not. */
  subjectOf(ctx: object): LifecycleSubject | undefined {
    return this.#verdicts.get(ctx)?.subject;
  }

  #admitFirstParty({ accountId, iat = 0 }: TokenSource): void {
    if (this.#decisions.signInVoid(accountId, iat)) throw new errors.InvalidGrant({ detail: 'the user was revoked' });
  }
}

/** An agent that has authenticated is told what it lacks at the API, and who can give it. */
const refusalOf = (resource: MachineRequest['resource'], detail: string) =>
  resource === 'api'
    ? new errors.InvalidTarget('this agent is no administrator: an owner names it in an Administrators document', {
        detail,
      })
    : new errors.InvalidGrant({ detail });

/** Which client presents the request, how it authenticated, and from where. */
async function presentedBy(ctx: KoaContextWithOIDC, client: Client) {
  return {
    clientId: client.clientId,
    authMethod: client.tokenEndpointAuthMethod ?? 'none',
    isKeyBound: (await provenKey(ctx)) !== undefined,
    sourceIp: ctx.ip || null,
  };
}

/** The identity provider is not asked again for this long after it failed to answer. */
const RETRY_SECONDS = 10;

/**
 * Nothing is wrong with the refresh token, and the agent keeps it: we cannot check it now (RFC 9110 section 15.6.4).
 */
class IdentityProviderAway extends errors.OIDCProviderError {
  constructor(ctx: KoaContextWithOIDC, detail: string) {
    super(503, 'temporarily_unavailable');
    ctx.set('Retry-After', String(RETRY_SECONDS));
    this.expose = true;
    this.error_description = 'the identity provider cannot be reached now: try again later';
    this.error_detail = detail;
  }
}
