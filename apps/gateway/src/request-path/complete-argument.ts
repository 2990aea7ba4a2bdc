import type { DocumentOf } from '@sallyport/configuration';
import type { Action } from '@sallyport/policy';
import { serverUriTemplate } from '@sallyport/server';
import type { Answer } from '../http/exchange.js';
import type { Operation } from '../inbound/client-message.js';
import { connectAccount } from './connect-account.js';
import { decideOperation } from './decide-operation.js';
import { findResource } from './find-resource.js';
import { leaseAndForward, requestOf } from './lease-and-forward.js';
import type { RefuseLate } from './lease-and-forward.js';
import { resolveName } from './resolve-name.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

type Completion = Extract<Operation, { type: 'complete' }>;

/**
 * completion/complete: suggestions for what a prompt or a resource template takes, decided as using that one is. Of a
 * template policy sees the text as it is sent. Suggestions name resources: a pattern must cover the whole template, and what
 * any of its resources asks for is asked for here.
 */
export async function completeArgument(
  call: Call,
  { ref, argument, context }: Completion,
  refuseLate: RefuseLate,
): Promise<Answer | Refusal> {
  const target = ref.type === 'ref/prompt' ? await promptOf(call, ref.name) : templateOf(call, ref.uri);
  if (isRefusal(target)) return target;
  const { server } = target;
  call.facts.server = server.name;
  if (target.type === 'connect') return await connectAccount(call, server);
  const { action, sent } = target;
  call.facts.target = action.type === 'prompt' ? action.name : action.uriTemplate;
  const permit = decideOperation(call, server.name, action, target.denied);
  if (isRefusal(permit)) return permit;
  return await leaseAndForward(
    call,
    permit,
    server,
    action,
    requestOf(call, { ref: sent, argument, ...(context === undefined ? {} : { context }) }),
    refuseLate,
  );
}

interface Found {
  readonly type: 'found';
  readonly server: DocumentOf<'McpServer'>;
  readonly action: Extract<Action, { type: 'prompt' | 'resource-template' }>;
  /** The reference in the server's own words. */
  readonly sent: Completion['ref'];
  readonly denied: Refusal;
}

async function promptOf(
  call: Call,
  name: string,
): Promise<Found | { readonly type: 'connect'; readonly server: DocumentOf<'McpServer'> } | Refusal> {
  const target = await resolveName(call, 'prompts', name);
  if (isRefusal(target) || target.type === 'connect') return target;
  return {
    type: 'found',
    server: target.server,
    action: { type: 'prompt', name: target.entry.name },
    sent: { type: 'ref/prompt', name: target.entry.name },
    denied: { refused: 'denied' },
  };
}

function templateOf(call: Call, publicUri: string): Found | Refusal {
  const unknown: Refusal = { refused: 'unknown-resource', uri: publicUri };
  const found = findResource(call, serverUriTemplate(publicUri, call.servers, call.prefix), unknown);
  if (isRefusal(found)) return found;
  const { server, uri } = found;
  const action = { type: 'resource-template', uriTemplate: uri } as const;
  return { type: 'found', server, action, sent: { type: 'ref/resource', uri }, denied: unknown };
}
