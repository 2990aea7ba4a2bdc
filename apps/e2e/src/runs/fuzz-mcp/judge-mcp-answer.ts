import type { McpCase, McpFacts } from './mcp-case.js';
import type { McpAnswer } from './send-mcp-case.js';

const STACK =
  /\n\s+at .+:\d+:\d+|\bnode_modules[/\\]|\bfile:\/\/\/\S+\.[jt]s\b|\bTypeError:|\bReferenceError:|\bRangeError:/;
const FORBIDDEN = ['set-cookie', 'location'];
/** Bytes; the gateway may stop reading and hang up on more than it accepts. */
const LONGEST_BODY = 64 * 1024;

/** Why nobody must be given this answer, whatever was asked; undefined when it may be given. */
export function judgeMcpAnswer(sent: McpCase, answer: McpAnswer, facts: McpFacts): string | undefined {
  if (answer.type === 'timed-out')
    return sent.cutAfter === undefined ? 'no answer in time' : 'a half-sent request was kept open';
  if (answer.type === 'closed')
    return sent.cutAfter !== undefined || sent.body.length > LONGEST_BODY
      ? undefined
      : 'the connection was closed without an answer';
  const { status, headers, body } = answer;
  if (status >= 500) return `status ${status}`;
  if (STACK.test(body)) return 'the body tells about the inside';
  if (body.includes(facts.token) || body.includes(facts.sessionId)) return 'the answer repeats a token or session id';
  for (const name of FORBIDDEN) if (headers.has(name)) return `the answer has ${name}`;
  const type = headers.get('content-type') ?? '';
  if (type.includes('event-stream'))
    return body
      .split(/\n\n/)
      .flatMap((event) => /^data: ?(.*)$/m.exec(event)?.[1] ?? [])
      .map(misshapen)
      .find((problem) => problem !== undefined);
  if (status === 200 && sent.method === 'POST')
    return type.includes('application/json') ? misshapen(body) : `status 200 with ${type}`;
  // What HTTP itself refuses, a message cut short or headers without end, never reaches the endpoint.
  if (status === 431 || (status === 400 && sent.cutAfter !== undefined)) return undefined;
  return body !== '' && type.startsWith('application/json') ? misshapen(body) : undefined;
}

/**
 * What is wrong with a JSON-RPC answer, or a batch of them; what the HTTP layer refuses alone is a problem document
 * (RFC 9457).
 */
function misshapen(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `not JSON: ${text.slice(0, 200)}`;
  }
  for (const message of [value].flat()) {
    if (typeof message !== 'object' || message === null) return `no message: ${text.slice(0, 200)}`;
    if (!('jsonrpc' in message) || message.jsonrpc !== '2.0') return `no JSON-RPC: ${text.slice(0, 200)}`;
    const isAnswer = 'result' in message || 'error' in message;
    if (isAnswer && 'result' in message && 'error' in message) return 'a result and an error at once';
    if (!isAnswer && !('method' in message)) return `neither answer nor notification: ${text.slice(0, 200)}`;
  }
  return undefined;
}
