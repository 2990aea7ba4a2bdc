import type { IncomingMessage } from 'node:http';
import { errors, type Client, type Provider } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';
import { withBody } from './receive-body.js';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const PATHS = /^\/(?:token|revoke|introspect|par)(?:\?|$)/;

/**
 * Authentication with a token that a workload was issued (RFC 7523 section 2.2). The engine takes an assertion for one
 * that the client signed itself, `iss` and `sub` being its id; a platform's are not. So for the agents this is about
 * the assertion goes to the engine as the client's secret, and comparing secrets is where it is verified: at every
 * endpoint at which a client authenticates, with the engine's own errors.
 */
export function verifyWorkloads(provider: Provider, decisions: Pick<EngineDecisions, 'verifyWorkload'>): void {
  const builtIn = provider.Client.prototype.compareClientSecret;
  provider.Client.prototype.compareClientSecret = async function compare(this: Client, presented: string) {
    const verdict = await decisions.verifyWorkload(this.clientId, presented);
    if (verdict === undefined) return builtIn.call(this, presented);
    if (!verdict.accepted) throw new errors.InvalidClientAuth({ detail: `workload token: ${verdict.reason}` });
    return true;
  };
}

/**
 * The request, whose body was received, as the engine shall read it; the same one unless it is a form at an endpoint
 * where clients authenticate.
 */
export async function presentWorkload(
  request: IncomingMessage,
  { isWorkload }: Pick<EngineDecisions, 'isWorkload'>,
): Promise<IncomingMessage> {
  if (
    request.method !== 'POST' ||
    !PATHS.test(request.url ?? '') ||
    !/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  )
    return request;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const form = new URLSearchParams(body.toString('latin1'));
  const only = (name: string) => (form.getAll(name).length === 1 ? form.get(name) : null);
  const [clientId, assertion] = [only('client_id'), only('client_assertion')];
  if (
    !clientId ||
    !assertion ||
    only('client_assertion_type') !== TYPE ||
    form.has('client_secret') ||
    !isWorkload(clientId)
  )
    return withBody(request, body, request.headers);
  form.delete('client_assertion');
  form.delete('client_assertion_type');
  form.set('client_secret', assertion);
  const changed = Buffer.from(form.toString());
  const { 'transfer-encoding': _chunked, ...headers } = request.headers;
  return withBody(request, changed, { ...headers, 'content-length': String(changed.length) });
}
