import type { VerifyCause } from '@sallyport/admin-api';
import type { CredentialProviderSpec, DocumentOf } from '@sallyport/configuration';
import { PRODUCT_VERSION } from '@sallyport/kernel';
import { discoverSignIn } from '@sallyport/oauth/discovery';
import type { VerifyContext } from '../context.js';
import { jsonOf, reach, refusedByStatus, type Reached } from '../reach.js';
import { failed, look, passed, warned, type Check, type Finding } from '../step.js';
import { shown } from './check-authorization-server.js';

type Server = DocumentOf<'McpServer'>;
type Answered = Extract<Reached, { type: 'answered' }>;

const SLOW_MS = 2_000;
const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';
const CLIENT = { name: 'sallyport-verify', version: PRODUCT_VERSION };

/** Each server, asked without a credential: whether it answers, in which era, and where its users sign in. */
export function checkServers(context: VerifyContext): Check[] {
  const servers = context.documents().all('McpServer');
  if (servers.length === 0) return [look('server', 'McpServer', () => warned('no_server', 'None is configured.'))];
  const providers = context.documents().all('CredentialProvider');
  return servers.map((server) => ({
    step: 'server',
    subject: `McpServer/${server.name}`,
    run: () =>
      lookAt(
        server,
        providers.filter(({ spec }) => spec.server === server.name).map(({ spec }) => spec),
        context,
      ),
  }));
}

async function lookAt(
  server: Server,
  providers: readonly CredentialProviderSpec[],
  context: VerifyContext,
): Promise<Finding[]> {
  const modern = await ask(server, 'server/discover', context);
  if (modern.type === 'failed') return [modern.finding];
  const refused = refusedByStatus(server.spec.url, modern.response);
  if (refused) return [refused];
  const slow = modern.tookMs > SLOW_MS ? [warned('answers_slowly', `It took ${modern.tookMs} ms.`)] : [];
  if (wantsCredential(modern)) return [...slow, await judgeSignIn(server, providers, context)];
  if (await hasResult(modern)) return [...slow, passed(`It speaks ${MODERN}.`)];
  const legacy = await ask(server, 'initialize', context);
  if (legacy.type === 'failed') return [legacy.finding];
  if (wantsCredential(legacy)) return [...slow, await judgeSignIn(server, providers, context)];
  const isLegacy = await hasResult(legacy);
  if (isLegacy) return [...slow, warned('server_old_era', `It speaks a revision before ${MODERN}.`)];
  return [failed('server_not_mcp', `It answers ${legacy.response.status}, and no JSON-RPC result.`)];
}

/** Both change nothing: one describes the server (2026-07-28), the other begins a session that is not used. */
function ask({ spec }: Server, method: 'server/discover' | 'initialize', { outbound: fetch, clock }: VerifyContext) {
  const isModern = method === 'server/discover';
  const meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': CLIENT,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const params = isModern ? { _meta: meta } : { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT };
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(isModern ? { 'mcp-protocol-version': MODERN, 'mcp-method': method } : {}),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return reach(spec.url, { method: 'POST', headers, body }, { fetch, clock });
}

const wantsCredential = ({ response: { status } }: Answered): boolean => status === 401 || status === 403;

async function hasResult({ response }: Answered): Promise<boolean> {
  const result = response.ok ? (await jsonOf(response.clone()))?.['result'] : undefined;
  return typeof result === 'object' && result !== null;
}

const BY_REASON: Readonly<Record<string, VerifyCause>> = {
  no_metadata: 'server_without_metadata',
  no_authorization_server: 'server_without_metadata',
  malformed_metadata: 'server_metadata_malformed',
  resource_mismatch: 'server_resource_mismatch',
  issuer_mismatch: 'server_issuer_mismatch',
  no_s256: 'server_without_pkce',
  metadata_unavailable: 'server_error',
  outbound_refused: 'outbound_blocked',
  outbound_proxy_failed: 'proxy_failed',
  outbound_timeout: 'timed_out',
  outbound_unreachable: 'connection_refused',
  outbound_redirected: 'redirects',
};

/** A server that asks for a credential: whether its provider can have one. */
async function judgeSignIn(
  { spec }: Server,
  providers: readonly CredentialProviderSpec[],
  { outbound }: VerifyContext,
): Promise<Finding> {
  const discovered = providers.find((provider) => provider.type === 'mcp-user-oauth');
  if (discovered === undefined) {
    const hasNone = providers.length > 0 && providers.every(({ type }) => type === 'none');
    return hasNone
      ? failed('server_needs_credential', 'It asks for a credential; its provider is of type `none`.')
      : passed('It answers, and asks for a credential.');
  }
  const found = await discoverSignIn(
    {
      serverUrl: spec.url,
      resource: spec.resource,
      authorizationServer: discovered.authorizationServer,
      clientIssuer: discovered.client?.issuer,
      isPkceAssumed: discovered.pkce === 'assumed',
    },
    outbound,
  );
  if (found.type === 'found') return passed(`Its users sign in at ${found.metadata.issuer}.`);
  return failed(BY_REASON[found.reason] ?? 'server_metadata_malformed', `${found.reason} ${shown(found.detail)}`);
}
