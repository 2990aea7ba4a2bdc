/**
 * What named OAuth providers do differently from the specifications, and how a document overrides it.
 */
export { issuerOf, oauthUserRules, tokenQuirksOf } from './oauth-user.js';
export type { OAuthUserProvider } from './oauth-user-rules.js';
