import type { Configuration } from 'oidc-provider';
import { isFirstParty } from '../client-metadata.js';
import type { RefreshGrant } from '../refresh-grant.js';
import type { TokenAdmission } from '../token-admission.js';

interface RefreshTokens {
  readonly admission: TokenAdmission;
  readonly refreshes: RefreshGrant;
}

/** Who gets a refresh token, and when one is replaced (OAuth 2.1 section 4.3.1). */
export function refreshTokens({ admission, refreshes }: RefreshTokens) {
  return {
    issueRefreshToken: (_ctx, client) => !isFirstParty(client) && client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: async (ctx) => {
      // Admitted here because the token is not spent yet: a refusal that may pass (hours, network) costs no session.
      const { RefreshToken: token } = ctx.oidc.entities;
      if (token) await admission.admit(ctx, 'refresh', token);
      return refreshes.isRotating(ctx);
    },
  } satisfies Configuration;
}
