import type { CredentialProviderOf } from '@sallyport/configuration';

/** Of a user's own, or shared: configured alike. */
export type OAuthUserProvider = CredentialProviderOf<'oauth-user' | 'oauth-shared'>;

type Own = Omit<
  OAuthUserProvider,
  'type' | 'server' | 'preset' | 'client' | 'scopes' | 'maxScopes' | 'clientCertificate' | 'requestSigning' | 'refresh'
>;
export type OAuthUserRules = { readonly [K in keyof Own]: Own[K] } & {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
};
