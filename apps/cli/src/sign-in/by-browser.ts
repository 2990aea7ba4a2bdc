import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oauth from 'oauth4webapi';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { CLIENT, whyOf, type SignInServer } from './sign-in-server.js';

const PATH = '/callback';
/** How long somebody may take in the browser. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Signs in with a browser on this machine: authorization code with PKCE, answered on a loopback port (RFC 8252).
 * @param show says where to go; the browser is opened besides
 * @throws CliError when it is refused, or nobody comes back
 */
export async function signInByBrowser(
  world: World,
  { server, resource, options }: SignInServer,
  show: (url: string) => void,
  opensBrowser: boolean,
): Promise<oauth.TokenEndpointResponse> {
  const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
  const callback = await listen(world.signal);
  try {
    const redirectUri = `http://127.0.0.1:${callback.port}${PATH}`;
    const url = new URL(server.authorization_endpoint ?? '');
    url.search = new URLSearchParams({
      client_id: CLIENT.client_id,
      response_type: 'code',
      redirect_uri: redirectUri,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      resource,
    }).toString();
    show(url.href);
    if (opensBrowser) openBrowser(url.href);
    const answered = oauth.validateAuthResponse(server, CLIENT, await callback.answer, state);
    const more = { ...options, additionalParameters: { resource } };
    const none = oauth.None();
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      CLIENT,
      none,
      answered,
      redirectUri,
      verifier,
      more,
    );
    return await oauth.processAuthorizationCodeResponse(server, CLIENT, response);
  } catch (cause) {
    if (cause instanceof CliError || world.signal.aborted) throw cause;
    throw new CliError(EXIT.refused, `The sign-in was refused: ${whyOf(cause)}.`, [], { cause });
  } finally {
    callback.close();
  }
}

/** One request is answered; what else comes to the port (an icon, a scanner) gets 404. */
async function listen(signal: AbortSignal): Promise<{ port: number; answer: Promise<URL>; close(): void }> {
  const { promise: answer, resolve, reject } = Promise.withResolvers<URL>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const isAnswer = url.pathname === PATH && url.searchParams.has('state');
    response.writeHead(isAnswer ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    response.end(isAnswer ? 'You may close this window and go back to the terminal.\n' : 'Not found\n');
    if (isAnswer) resolve(url);
  });
  const timer = setTimeout(
    () => reject(new CliError(EXIT.refused, 'Nobody came back from the browser.', ['Sign in again.'])),
    PATIENCE_MS,
  );
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  answer.catch(() => undefined); // whoever waits for it hears it; until then it is nobody's failure
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    answer,
    close() {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Tries to; whoever has no browser here follows the address that was printed. */
function openBrowser(url: string): void {
  const program = { darwin: 'open', win32: 'explorer' }[process.platform as string] ?? 'xdg-open';
  const child = spawn(program, [url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
