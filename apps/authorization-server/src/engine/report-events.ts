import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import { isFirstParty } from './client-metadata.js';
import type { EngineEvents, LifecycleSubject, TokenRequest } from './engine.js';
import { toRegistration } from './internals.js';
import { TooManyRequests } from './limit-requests.js';
import type { OutageAnswers } from './outage-answers.js';
import type { RefreshGrant } from './refresh-grant.js';
import { StaleCopy } from './refresh-rotation.js';
import type { TokenAdmission } from './token-admission.js';

interface Parts {
  readonly events: EngineEvents;
  readonly admission: TokenAdmission;
  readonly refreshes: RefreshGrant;
  readonly outages: OutageAnswers;
}

/** RFC 9700 section 4.14.2: nobody can tell which of the two is the agent, so the agent authorizes anew. */
const THEFT_SUSPECTED =
  'a spent refresh token came from another network than its session is used from: it may have been stolen';

/** Reports in our words what the engine emits in its own. */
export function reportEvents(provider: Provider, { events, admission, refreshes, outages }: Parts): void {
  const subjectOf = (ctx: KoaContextWithOIDC): LifecycleSubject => {
    const { Client: client, RefreshToken: token, AuthorizationCode: code } = ctx.oidc.entities;
    const { clientId } = client ?? {};
    const userId = token?.accountId ?? code?.accountId;
    return { clientId, userId, ...admission.subjectOf(ctx), address: ctx.ip };
  };
  const causeOf = (ctx: KoaContextWithOIDC): string => {
    if (ctx.oidc.route === 'revocation') return 'revoked by the agent';
    return refreshes.isTheftSuspected(ctx) ? THEFT_SUSPECTED : 'a code was used twice';
  };

  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.client && isFirstParty(ctx.oidc.client)) return;
    const { AccessToken: token, ClientCredentials: machineToken } = ctx.oidc.entities;
    events.tokenIssued(kindOf(ctx), subjectOf(ctx), (token ?? machineToken)?.scope ?? '');
  });
  provider.on('grant.error', (ctx, error) => {
    if (error instanceof TooManyRequests) return;
    const subject =
      error instanceof StaleCopy
        ? { clientId: ctx.oidc.client?.clientId, ...error.subject, address: ctx.ip }
        : subjectOf(ctx);
    events.tokenRefused(subject, error.error, error.error_detail ?? error.error_description);
  });
  provider.on('grant.revoked', (ctx, grantId) => events.grantRevoked(grantId, ctx.oidc.client?.clientId, causeOf(ctx)));
  provider.on('registration_create.success', (ctx, client) =>
    events.registered(toRegistration(client), { leftOut: leftOut(ctx, client), address: ctx.ip }),
  );
  provider.on('server_error', (ctx, error) => {
    if (!outages.noticed(ctx, error)) events.failed(error);
  });
}

function kindOf({ oidc }: KoaContextWithOIDC): TokenRequest['kind'] {
  if (oidc.entities.ClientCredentials) return 'machine';
  return oidc.params?.['grant_type'] === 'refresh_token' ? 'refresh' : 'code';
}

/** Redirect URIs that the client asked for and that were not registered. */
function leftOut(ctx: KoaContextWithOIDC, client: Client): readonly string[] {
  const asked: unknown = ctx.oidc.body?.['redirect_uris'];
  return Array.isArray(asked)
    ? asked.filter((uri): uri is string => typeof uri === 'string' && client.redirectUris?.includes(uri) !== true)
    : [];
}
