import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import { dropEmptyMembers } from '../empty-members.js';
import type { EngineDecisions } from '../engine.js';
import type { RegistrationIds } from '../registration-ids.js';
import { isConfidential } from '../structured-tokens.js';
import type { deviceFlow } from '../device-codes.js';
import type { clientIdMetadataDocument } from './client-documents.js';
import type { resourceIndicators } from './scopes-and-resources.js';

interface Features {
  /** 32 bytes, the same on every replica. */
  readonly dpopNonceSecret: Uint8Array;
  readonly registrationIds: RegistrationIds;
  readonly decisions: Pick<EngineDecisions, 'grantIsLive'>;
  readonly deviceFlow: ReturnType<typeof deviceFlow>;
  readonly resourceIndicators: ReturnType<typeof resourceIndicators>;
  readonly clientIdMetadataDocument: ReturnType<typeof clientIdMetadataDocument>;
}

/** What the engine offers beyond the authorization code grant, and what it does not. */
export function features({ dpopNonceSecret, registrationIds, decisions, ...others }: Features) {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false }, // `/session/end` is ours
    clientCredentials: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: proofsOfPossession(dpopNonceSecret),
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) =>
        isConfidential(client) &&
        token.clientId === client.clientId &&
        'grantId' in token &&
        typeof token.grantId === 'string' &&
        decisions.grantIsLive(token.grantId),
    },
    registration: registration(registrationIds),
    ...others,
  } satisfies Configuration['features'];
}

/**
 * A nonce is offered with each answer and demanded only where a clock is too far off: replays are told by their `jti`.
 */
const proofsOfPossession = (nonceSecret: Uint8Array) => ({
  enabled: true,
  nonceSecret: Buffer.from(nonceSecret),
  requireNonce: () => false,
  allowReplay: false,
});

/** Dynamic client registration (RFC 7591), without the management of RFC 7592. */
const registration = (ids: RegistrationIds) => ({
  enabled: true,
  initialAccessToken: false, // `guardRegistration` checks ours
  issueRegistrationAccessToken: false,
  idFactory: (ctx: KoaContextWithOIDC) => {
    dropEmptyMembers(ctx.oidc.body ?? {}); // the engine calls this after it read the body and before it uses it
    return ids.make();
  },
});
