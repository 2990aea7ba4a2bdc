import type { SafeFetch } from '@sallyport/safe-fetch';
import * as oauth from 'oauth4webapi';
import type { StateLines } from '../state-lines.js';
import type { TrustProvider } from './trust-provider.js';

const TIMEOUT_MS = 10_000;

interface RequestOptions {
  [oauth.customFetch]: (
    url: string,
    options: oauth.CustomFetchOptions<string, string | URLSearchParams | Uint8Array | null | undefined>,
  ) => Promise<Response>;
  [oauth.allowInsecureRequests]: boolean;
  signal: AbortSignal;
}

/**
 * Requests to identity providers: through the outbound guard, and with a line in the log when an endpoint goes or is
 * back.
 */
export class ProviderRequests {
  readonly #fetch: SafeFetch;
  readonly #lines: StateLines | undefined;

  constructor(fetch: SafeFetch, lines: StateLines | undefined) {
    this.#fetch = fetch;
    this.#lines = lines;
  }

  /** Whether a browser may be sent to this address. */
  mayVisit(url: string): boolean {
    return this.#fetch.mayVisit(url);
  }

  /** @param how.isWatched false where the caller writes the lines itself */
  options(provider: TrustProvider, { isWatched = true }: { readonly isWatched?: boolean } = {}): RequestOptions {
    return {
      [oauth.customFetch]: (url, init) => {
        const ask = () =>
          this.#fetch(url, {
            method: init.method,
            headers: init.headers,
            body: init.body ?? null,
            redirect: 'manual',
            signal: init.signal ?? null,
          });
        return isWatched ? this.#watched(provider.name, url, ask) : ask();
      },
      // The outbound guard decides whether plain http is tolerated for this host, and has the last word.
      [oauth.allowInsecureRequests]: provider.spec.issuer.startsWith('http:'),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    };
  }

  async #watched(trustProvider: string, url: string, ask: () => Promise<Response>): Promise<Response> {
    const { origin, pathname } = new URL(url);
    const about = { trustProvider, address: `${origin}${pathname}` };
    try {
      const response = await ask();
      if (response.status < 500) this.#lines?.works(about, 'an identity provider answers again');
      else {
        const reason = { reason: `HTTP ${response.status}` };
        this.#lines?.failed(about, reason, 'an identity provider does not answer as it should');
      }
      return response;
    } catch (err) {
      this.#lines?.failed(about, { err }, 'an identity provider does not answer');
      throw err;
    }
  }
}
