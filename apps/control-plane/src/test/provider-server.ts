import { createServer, type IncomingHttpHeaders } from 'node:http';

export interface ProviderRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** Of a form or of JSON. */
  readonly fields: Readonly<Record<string, string>>;
}
export interface ProviderAnswer {
  readonly status?: number;
  readonly json: object;
}
export interface ProviderServer {
  readonly origin: string;
  readonly requests: ProviderRequest[];
  /** Answers a request to any path but `/authorize`, which sends the browser back with a code. */
  answer: (request: ProviderRequest) => ProviderAnswer;
  /** Changes the parameters of that redirect. */
  tamper: (parameters: URLSearchParams) => void;
  stop(): Promise<void>;
}

/** An OAuth provider on loopback that behaves as badly as it is told. */
export async function startProviderServer(): Promise<ProviderServer> {
  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    incoming.on('end', () => {
      const { pathname, searchParams } = new URL(incoming.url ?? '/', control.origin);
      const isJson = incoming.headers['content-type'] === 'application/json';
      const fields: Record<string, string> = isJson
        ? (JSON.parse(body) as Record<string, string>)
        : Object.fromEntries(new URLSearchParams(body));
      const request = { path: pathname, query: searchParams, headers: incoming.headers, fields };
      control.requests.push(request);
      if (pathname === '/authorize') {
        const back = new URL(searchParams.get('redirect_uri') ?? control.origin);
        back.searchParams.set('code', 'the-code');
        back.searchParams.set('state', searchParams.get('state') ?? '');
        control.tamper(back.searchParams);
        return void outgoing.writeHead(303, { location: back.toString() }).end();
      }
      const { status = 200, json } = control.answer(request);
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const control: ProviderServer = {
    origin: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    requests: [],
    answer: () => ({ status: 404, json: {} }),
    tamper: () => undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return control;
}
