import type { VerifyContext } from '../context.js';
import { jsonOf, reach, refusedByStatus } from '../reach.js';
import { failed, passed, type Check, type Finding } from '../step.js';
import { shown } from './check-authorization-server.js';

/**
 * A call as an agent's first one is: without a token, to the public address. It must be told where the metadata is
 * (RFC 9728), and that must name our authorization server. And the public address of our own pages.
 */
export function checkGateway(context: VerifyContext): Check[] {
  const { gatewayUrl, publicUrl } = context.config;
  return [
    { step: 'test-call', subject: `${gatewayUrl}/mcp`, run: () => callGateway(context) },
    { step: 'public-url', subject: publicUrl, run: () => lookAtPages(context) },
  ];
}

async function callGateway({ config: { gatewayUrl, issuer }, own: fetch, clock }: VerifyContext): Promise<Finding> {
  const url = `${gatewayUrl}/mcp`;
  const call = {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
  };
  const reached = await reach(url, call, { fetch, clock });
  if (reached.type === 'failed') return reached.finding;
  const { status, headers } = reached.response;
  const address = /resource_metadata="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1];
  const refused = refusedByStatus(url, reached.response);
  if (refused) return refused;
  if (status !== 401 || address === undefined || !address.startsWith(`${gatewayUrl}/`))
    return failed('gateway_challenge_missing', `It answers ${status}, and names ${shown(address ?? null)}.`);
  const metadata = await reach(address, {}, { fetch, clock });
  if (metadata.type === 'failed') return metadata.finding;
  const document = metadata.response.ok ? await jsonOf(metadata.response) : undefined;
  if (document === undefined) return failed('metadata_missing', `${address} answers ${metadata.response.status}.`);
  const servers: unknown[] = Array.isArray(document['authorization_servers']) ? document['authorization_servers'] : [];
  if (!servers.includes(issuer) || !String(document['resource']).startsWith(gatewayUrl))
    return failed('gateway_names_another', `It names ${shown(servers)} and is ${shown(document['resource'])}.`);
  return passed('A call without a token is told where to sign in.');
}

async function lookAtPages({ config: { publicUrl }, own: fetch, clock }: VerifyContext): Promise<Finding> {
  const url = `${publicUrl}/account`;
  const reached = await reach(url, { headers: { accept: 'text/html' } }, { fetch, clock });
  if (reached.type === 'failed') return reached.finding;
  const { status } = reached.response;
  if (status >= 500) return failed('server_error', `It answers ${status}.`);
  if (status === 404) return failed('metadata_missing', `${url} answers 404: the address leads somewhere else.`);
  return passed(`It answers, in ${reached.tookMs} ms.`);
}
