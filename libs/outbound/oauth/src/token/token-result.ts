import type { ProviderWords } from '../provider-words.js';

/** What one provider does differently from the specifications, as a document or a preset says. Nothing is guessed. */
export interface TokenQuirks {
  readonly body?: 'form' | 'json' | undefined;
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** `false`: `resource` is not sent. */
  readonly resource?: boolean | undefined;
  /** Where the token object is, when it is there. */
  readonly tokenPath?: readonly string[] | undefined;
  /** Accepted besides `bearer`. */
  readonly tokenTypes?: readonly string[] | undefined;
  readonly errorField?: string | undefined;
  readonly expiresIn?: 'seconds' | 'milliseconds' | undefined;
  readonly unsaidLifetimeMs?: number | undefined;
  /** The access token takes the refresh token's part: it is exchanged for a newer one. */
  readonly renewal?:
    | { readonly grantType: string; readonly tokenParameter: string; readonly method: 'POST' | 'GET' }
    | undefined;
  /** Errors that mean what `invalid_grant` does. */
  readonly deadGrant?: readonly { readonly error: string; readonly description?: string | undefined }[] | undefined;
  /** Where an answer says whose account it is. */
  readonly account?: { readonly id: readonly string[]; readonly name?: readonly string[] | undefined } | undefined;
  /** Scopes of an answer may be separated by commas. */
  readonly looseScopes?: boolean | undefined;
}

/** An account at a provider: `id` stays the same, `name` is what people call it. */
export interface ProviderAccount {
  readonly id: string;
  readonly name: string;
}

export interface GrantedTokens {
  readonly accessToken: string;
  /** `null`: the answer had none (keep the old one). */
  readonly refreshToken: string | null;
  /** Milliseconds since the epoch; `null`: it did not say. */
  readonly expiresAt: number | null;
  /** `null`: as requested. */
  readonly scopes: readonly string[] | null;
  /** RFC 8693 section 2.2.1; only where the answer says it. */
  readonly issuedTokenType?: string;
  /** Where the answer has them. */
  readonly idToken?: string;
  readonly account?: ProviderAccount;
}

export type TokenResult =
  | { readonly type: 'granted'; readonly tokens: GrantedTokens }
  /** A refusal with a code of RFC 6749 section 5.2. */
  | {
      readonly type: 'refused';
      readonly error: string;
      /** The server's own words, free of secrets. */ readonly description: string | null;
      readonly status: number;
      /** What Entra ID says more closely, where it does. */ readonly suberror?: string;
    }
  /** 5xx or 429: the server says that it could not. */
  | ({
      readonly type: 'unavailable';
      readonly retryAfterMs: number | undefined;
      readonly status: number;
    } & ProviderWords)
  /** Nothing was sent. */
  | { readonly type: 'unreachable' }
  /** Nothing was sent: the operator's own proxy did not let it through. `said`: how it answered. */
  | { readonly type: 'proxy_failed'; readonly said: string }
  /** Nothing was sent, nor will be: the address is none that may be called. `said`: why. */
  | { readonly type: 'address_refused'; readonly said: string }
  /** Sent, and no answer came: the server may have acted. */
  | { readonly type: 'ambiguous' }
  /**
   * Sent, and an answer came that holds no token that can be used. `said`: what is wrong with it. `isItsOwn`: it is
   * JSON, and so no page that something in between put there.
   */
  | { readonly type: 'malformed_answer'; readonly said: string; readonly isItsOwn: boolean };
