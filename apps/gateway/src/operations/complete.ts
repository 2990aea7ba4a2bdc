import type { DocumentOf } from '@sallyport/configuration';
import type { Action } from '@sallyport/policy';
import { serverUriTemplate } from '@sallyport/server';
import type { Call } from '../call/call.js';
import { findResource } from '../call/find-resource.js';
import type { ResolveName } from '../call/resolve-name.js';
import { requestOf } from '../call/target.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import type { ConnectAccount } from './connect-account.js';
import type { OperationOf, Perform } from './operation.js';

type Reference = OperationOf['complete']['ref'];

export interface CompleteUses {
  readonly resolveName: ResolveName;
  readonly connectAccount: ConnectAccount;
}

/**
 * completion/complete: suggestions for what a prompt or a resource template takes, decided as using that one is. Of a
 * template policy sees the text as it is sent. Suggestions name resources: a pattern must cover the whole template, and
 * what any of its resources asks for is asked for here.
 */
export function createComplete({ resolveName, connectAccount }: CompleteUses): Perform<'complete'> {
  return async (call, { ref, argument, context }) => {
    const found = ref.type === 'ref/prompt' ? await promptOf(resolveName, call, ref.name) : templateOf(call, ref.uri);
    if (isRefusal(found)) return found;
    const { server } = found;
    call.notes.target({ server: server.name });
    if (found.type === 'connect') return await connectAccount(call, server);
    const { action, sent, denied } = found;
    call.notes.target({ target: action.type === 'prompt' ? action.name : action.uriTemplate });
    const params = { ref: sent, argument, ...(context === undefined ? {} : { context }) };
    return { type: 'target', server, action, denied, request: requestOf(call, params) };
  };
}

interface Found {
  readonly type: 'found';
  readonly server: DocumentOf<'McpServer'>;
  readonly action: Extract<Action, { type: 'prompt' | 'resource-template' }>;
  /** The reference in the server's own words. */
  readonly sent: Reference;
  readonly denied: Refusal;
}

async function promptOf(
  resolveName: ResolveName,
  call: Call,
  name: string,
): Promise<Found | { readonly type: 'connect'; readonly server: DocumentOf<'McpServer'> } | Refusal> {
  const resolved = await resolveName(call, 'prompts', name);
  if (isRefusal(resolved) || resolved.type === 'connect') return resolved;
  return {
    type: 'found',
    server: resolved.server,
    action: { type: 'prompt', name: resolved.entry.name },
    sent: { type: 'ref/prompt', name: resolved.entry.name },
    denied: { type: 'denied' },
  };
}

function templateOf(call: Call, publicUri: string): Found | Refusal {
  const unknown: Refusal = { type: 'unknown-resource', uri: publicUri };
  const found = findResource(call, serverUriTemplate(publicUri, call.servers, call.naming.prefix), unknown);
  if (isRefusal(found)) return found;
  const { server, uri } = found;
  const action = { type: 'resource-template', uriTemplate: uri } as const;
  return { type: 'found', server, action, sent: { type: 'ref/resource', uri }, denied: unknown };
}
