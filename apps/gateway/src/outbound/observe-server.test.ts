import type { RelayAnswer, ServerMessage } from '@sallyport/mcp-relay';
import { expect, test } from 'vitest';
import { observedAnswer } from './observe-server.js';
import type { ServerEnd } from './observe-server.js';

const message = (value: ServerMessage['value']): ServerMessage => ({ json: JSON.stringify(value), value });
const response = message({ jsonrpc: '2.0', id: 1, result: {} });
const failing = message({ jsonrpc: '2.0', id: 1, result: { isError: true } });
const error = message({ jsonrpc: '2.0', id: 1, error: { code: -32_602, message: '' } });
const progress = message({ jsonrpc: '2.0', method: 'notifications/progress' });

function observing() {
  const ends: ServerEnd[] = [];
  return { ends, asked: { ended: (end: ServerEnd) => void ends.push(end) } };
}
const whole = (answer: ServerMessage): RelayAnswer => ({
  type: 'message',
  status: 200,
  message: answer,
  sessionId: undefined,
});
const stream = (messages: AsyncIterable<ServerMessage>): RelayAnswer => ({
  type: 'stream',
  status: 200,
  messages,
  position: { lastEventId: undefined, retryMs: undefined },
  sessionId: undefined,
});
async function* said(...messages: ServerMessage[]) {
  yield* messages;
}

test.each([
  [whole(response), {}],
  [whole(failing), { errorType: 'tool_error' }],
  [whole(error), { errorType: '-32602', errorCode: -32_602 }],
  [{ type: 'failed', reason: 'timeout' } as const, { errorType: 'timeout' }],
  [{ type: 'credential-rejected' } as const, { errorType: 'credential-rejected' }],
])('the end of a whole answer is told at once: %j', (answer, end) => {
  const { ends, asked } = observing();
  expect(observedAnswer(asked, 1, answer)).toBe(answer);
  expect(ends).toEqual([end]);
});

test.each([
  ['with the response', [progress, response], {}],
  ['with a response that says it failed', [progress, failing], { errorType: 'tool_error' }],
  ['without one', [progress], { errorType: 'interrupted' }],
])('the end of a stream is told once: %s', async (_how, messages, end) => {
  const { ends, asked } = observing();
  const answer = observedAnswer(asked, 1, stream(said(...messages)));
  const heard: ServerMessage[] = [];
  if (answer.type === 'stream') for await (const one of answer.messages) heard.push(one);
  expect(heard).toEqual(messages);
  expect(ends).toEqual([end]);
});

test('a stream that nobody reads on is told as such, and closed', async () => {
  const { ends, asked } = observing();
  let closed = false;
  async function* endless() {
    try {
      for (;;) yield progress;
    } finally {
      closed = true;
    }
  }
  const answer = observedAnswer(asked, 1, stream(endless()));
  const messages = answer.type === 'stream' ? answer.messages[Symbol.asyncIterator]() : undefined;
  await messages?.next();
  await messages?.return?.();
  expect([ends, closed]).toEqual([[{ errorType: 'abandoned' }], true]);
});
