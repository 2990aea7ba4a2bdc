import type { Configuration } from 'oidc-provider';
import type { EngineDecisions } from '../engine.js';

const MINUTE_SECONDS = 60;
/** How long a person may take over sign-in and consent. */
export const INTERACTION_SECONDS = 10 * MINUTE_SECONDS;
const BROWSER_SESSION_SECONDS = 8 * 3600;

/** How long everything the engine issues is good for, in seconds. */
export function lifetimes({ lifetimes: configured }: Pick<EngineDecisions, 'lifetimes'>) {
  return {
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? configured().accessToken,
      AuthorizationCode: MINUTE_SECONDS,
      ClientCredentials: () => configured().machineToken,
      IdToken: () => configured().accessToken,
      RefreshToken: () => configured().sessionIdle,
      Grant: () => configured().session,
      DeviceCode: INTERACTION_SECONDS,
      Interaction: INTERACTION_SECONDS,
      // Of nobody: a page for codes keeps the token of its form in one, and anybody can open it (S33).
      Session: (_ctx, { accountId }) => (accountId === undefined ? INTERACTION_SECONDS : BROWSER_SESSION_SECONDS),
    },
    // An agent session outlives the browser session in which its user agreed to it.
    expiresWithSession: () => false,
  } satisfies Configuration;
}
