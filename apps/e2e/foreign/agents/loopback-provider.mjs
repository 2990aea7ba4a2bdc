// An OAuthClientProvider in memory, as each SDK of the field wants one: it prints where a person has to go, and
// listens on loopback for what comes back.
import { createServer } from 'node:http';

export const say = (message) => void process.stdout.write(`${JSON.stringify(message)}\n`);

export async function loopbackProvider(name) {
  const arrived = Promise.withResolvers();
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
    response.end('Back at the agent.');
    if (searchParams.has('code')) arrived.resolve(searchParams);
    else arrived.reject(new Error(`came back with ${searchParams}`));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const redirectUrl = `http://127.0.0.1:${server.address().port}/callback`;
  const kept = {};
  return {
    redirectUrl,
    clientMetadata: {
      client_name: name,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
    clientInformation: () => kept.client,
    saveClientInformation: (client) => void (kept.client = client),
    tokens: () => kept.tokens,
    saveTokens: (tokens) => void (kept.tokens = tokens),
    codeVerifier: () => kept.verifier,
    saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
    redirectToAuthorization: (url) => say({ authorize: String(url) }),
    /** The parameters of the answer. */
    arrived: arrived.promise,
    close: () => server.close(),
  };
}

const NEEDS_SIGN_IN = /unauthorized|401|needs?[ -]auth|authoriz/i;

/**
 * Connects, lets a person sign in where that is asked, lists, calls the tool once, and says what it saw.
 * @param connect makes a new connection; `finish` of it takes the answer that came back
 */
export async function run(name, connect) {
  const provider = await loopbackProvider(name);
  const url = process.env.MCP_URL;
  const first = await connect(url, provider);
  let agent = first;
  try {
    await first.open();
  } catch (error) {
    if (!NEEDS_SIGN_IN.test(`${error?.name} ${error?.message} ${error?.cause?.message ?? ''}`)) throw error;
    await first.finish(await provider.arrived);
    agent = await connect(url, provider);
    await agent.open();
  }
  const tools = await agent.tools();
  const text = await agent.call(process.env.TOOL, {});
  say({ done: { tools, text } });
  await agent.close?.();
  provider.close();
  process.exit(0);
}
