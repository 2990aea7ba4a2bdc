import type { ClientRequest } from '../inbound/client-message.js';
import { jsonAnswer } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import { sealLogLevel, sealMcpSession } from '../session/mcp-session.js';
import { callTool } from './call-tool.js';
import { completeArgument } from './complete-argument.js';
import { discoverResult, initializeResult } from './describe-gateway.js';
import { getPrompt } from './get-prompt.js';
import type { RefuseLate } from './lease-and-forward.js';
import { listen } from './listen.js';
import { listEntries } from './list-entries.js';
import { readResource } from './read-resource.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';
import { subscribeResource } from './subscribe-resource.js';
import { useTask } from './use-task.js';
import { withUpdates } from './updates-during-call.js';

/** What an admitted request asks for: answered here, or by a server after its own decision. */
export async function performOperation(call: Call, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  const { path, request } = call;
  const { operation } = request;
  switch (operation.type) {
    case 'discover':
      return resultAnswer(request, discoverResult(path));
    case 'initialize': {
      const result = initializeResult(path, operation.requestedVersion);
      call.facts.protocolVersion = result.protocolVersion;
      const sessionId = sealMcpSession(
        path.sealer,
        call.caller,
        { version: result.protocolVersion, abilities: request.abilities },
        call.now,
      );
      return resultAnswer(request, result, { 'mcp-session-id': sessionId });
    }
    case 'ping':
      return resultAnswer(request, {});
    case 'set-log-level': {
      if (request.session === undefined) return resultAnswer(request, {});
      const telling = path.link.mayTell(call.caller.userId);
      if (!('tell' in telling)) return { refused: 'too-often', ...telling };
      const { sealed, session } = sealLogLevel(path.sealer, call.caller, request.session, operation.level, call.now);
      path.logLevels.remember(session);
      // For a client that keeps its first id, wherever its calls arrive.
      if (session.log !== undefined) await telling.tell({ type: 'log-level', sessionId: session.id, ...session.log });
      return resultAnswer(request, {}, { 'mcp-session-id': sealed });
    }
    case 'list':
      return await listEntries(call, operation.what, operation.cursor);
    case 'call':
      return await withUpdates(call, () => callTool(call, operation.name, operation.arguments, refuseLate));
    case 'prompt':
      return await getPrompt(call, operation.name, operation.arguments, refuseLate);
    case 'complete':
      return await completeArgument(call, operation, refuseLate);
    case 'listen':
      return await listen(call, operation.wanted);
    case 'subscribe':
    case 'unsubscribe':
      return await subscribeResource(call, operation);
    case 'task':
      return await useTask(call, operation, refuseLate);
    case 'read':
      return await readResource(call, operation.uri, refuseLate);
  }
}

const resultAnswer = (request: ClientRequest, result: object, headers?: Record<string, string>): Answer =>
  jsonAnswer(200, { jsonrpc: '2.0', id: request.id, result }, headers);
