import { DEVICE_CODE } from '@sallyport/authorization/own-clients';
import type { Configuration } from 'oidc-provider';
import { isFirstParty } from '../client-metadata.js';
import type { EngineDecisions } from '../engine.js';
import { IDENTITY_SESSION } from '../interaction-steps.js';
import { isTokenSource, type TokenAdmission } from '../token-admission.js';

/** In ID tokens for our own pages: the sign-in they came from. */
const SIGN_IN_CLAIM = 'identity_session';

/** What a code of either kind is redeemed with: once, after its user agreed. */
const isRedeemed = (grantType: unknown): boolean => grantType === 'authorization_code' || grantType === DEVICE_CODE;

interface Accounts {
  readonly decisions: Pick<EngineDecisions, 'userExists' | 'signInOfBrowser' | 'signedInBrowser'>;
  readonly admission: TokenAdmission;
}

/** Who the user is, what a client learns about them, and which grant an authorization request uses. */
export function accounts({ decisions, admission }: Accounts) {
  return {
    claims: { openid: ['sub', SIGN_IN_CLAIM] },
    conformIdTokenClaims: true,
    findAccount: async (ctx, userId, source) => {
      if (!(await decisions.userExists(userId))) return undefined;
      if (isTokenSource(source) && isRedeemed(ctx.oidc.params?.['grant_type']))
        await admission.admit(ctx, 'code', source);
      if (ctx.oidc.route === 'authorization') admission.admitUser(ctx, userId);
      // A page of ours ends with the sign-in it came from. An agent learns nothing about that sign-in.
      const isForOurPages = ctx.oidc.client !== undefined && isFirstParty(ctx.oidc.client);
      const browserUid = isForOurPages && source && 'sessionUid' in source ? source.sessionUid : undefined;
      return {
        accountId: userId,
        claims: async () => ({
          sub: userId,
          ...(browserUid === undefined ? {} : { [SIGN_IN_CLAIM]: await decisions.signInOfBrowser(browserUid) }),
        }),
      };
    },
    loadExistingGrant: async (ctx) => {
      const { client, account, session, result, provider } = ctx.oidc;
      const signIn: unknown = result?.login && Reflect.get(result.login, IDENTITY_SESSION);
      if (typeof signIn === 'string' && session) await decisions.signedInBrowser(signIn, session.uid);
      // Never the grant of an earlier authorization: each has its own, and its own agent session (S4).
      const grantId = result?.consent?.grantId;
      if (grantId) return provider.Grant.find(grantId);
      if (!client || !isFirstParty(client) || !account) return undefined;
      const grant = new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
  } satisfies Configuration;
}
