import { SallyportError, type CodeOf } from '@sallyport/kernel';
import type { OutboundFetch } from '../oauth-client.js';

export interface ServedAnswer {
  readonly status?: number;
  readonly json?: unknown;
  /** In place of JSON. */
  readonly html?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
/** By address. A text is how the host fails: `outbound_timeout` and the like. */
export type Served = Record<string, ServedAnswer | readonly ServedAnswer[] | CodeOf<'outbound_'>>;

/**
 * A web for tests that answers by address, in turn where there are several answers, else 404. Remembers all requests.
 */
export function network(served: Served) {
  const requests: { url: string; headers: Headers; body: string }[] = [];
  const fetch: OutboundFetch = async (input, init) => {
    const request = new Request(input, init);
    const before = requests.filter(({ url }) => url === request.url).length;
    requests.push({ url: request.url, headers: request.headers, body: await request.text() });
    const found = served[request.url];
    if (typeof found === 'string') throw new SallyportError(found, `${request.url} is away.`);
    const answer = found === undefined ? undefined : [found].flat()[before % [found].flat().length];
    if (!answer) return new Response('', { status: 404 });
    const { status = 200, json = {}, html, headers } = answer;
    if (status >= 300 && status < 400 && request.redirect !== 'manual')
      throw new SallyportError('outbound_redirected', `${request.url} redirects.`);
    return new Response(html ?? JSON.stringify(json), {
      status,
      headers: { 'content-type': html === undefined ? 'application/json' : 'text/html', ...headers },
    });
  };
  return { fetch, requests };
}
