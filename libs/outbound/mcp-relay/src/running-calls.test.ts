import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { JsonObject, ServerMessage } from './json-rpc.js';
import { RunningCalls } from './running-calls.js';

let answers: JsonObject[];
let calls: RunningCalls;
beforeEach(() => {
  vi.useFakeTimers();
  [answers, calls] = [[], new RunningCalls()];
});
afterEach(() => vi.useRealTimers());

const question = (id: number): ServerMessage => ({
  json: '',
  value: { id, method: 'elicitation/create' },
  respond: (answer) => void answers.push(answer),
});
const told = (method: string, params?: object): ServerMessage => ({ json: '', value: { method, params } });
const heard = (call: ReturnType<RunningCalls['begin']>) =>
  call.take().map(({ value }) => value['id'] ?? value['method']);

describe('what a server says beside the calls of a session (R34) (S18)', () => {
  test("is the only call's", async () => {
    const call = calls.begin(undefined);
    const waiting = call.heard();
    calls.hear(question(1));
    await waiting;
    calls.hear(told('notifications/message'));
    expect(heard(call)).toEqual([1, 'notifications/message']);
    expect(answers).toEqual([]);
  });
  test('is refused while there is none', () => {
    calls.hear(question(1));
    calls.begin(undefined).leave(true);
    calls.hear(question(2));
    expect(answers).toHaveLength(2);
  });
  test("waits while it could be another one's, and goes to the one that is left", () => {
    const [first, second] = [calls.begin(undefined), calls.begin(undefined)];
    calls.hear(question(1));
    calls.hear(told('notifications/message'));
    first.leave(true);
    expect(heard(second)).toEqual([1]);
    expect(answers).toEqual([]);
  });
  test('is refused when it stays unclear whose it is', () => {
    const both = [calls.begin(undefined), calls.begin(undefined)];
    calls.hear(question(1));
    vi.advanceTimersByTime(10_000);
    expect(answers).toHaveLength(1);
    expect(both.flatMap(heard)).toEqual([]);
  });
  test("is not the next call's when a call was given up without an answer: the server may still be at it", () => {
    calls.begin(undefined).leave(false);
    const next = calls.begin(undefined);
    calls.hear(question(1));
    expect(heard(next)).toEqual([]);
    vi.advanceTimersByTime(10_000);
    expect(answers).toHaveLength(1);
    vi.advanceTimersByTime(20_000);
    calls.hear(question(2));
    expect(heard(next)).toEqual([2]);
  });
  test('is refused with the call that did not take it', () => {
    const call = calls.begin(undefined);
    calls.hear(question(1));
    call.leave(true);
    expect(answers).toHaveLength(1);
  });
  test("is progress of whoever gave it the token, and nobody's when two did", () => {
    const [first, second, third] = [calls.begin('a'), calls.begin('b'), calls.begin('b')];
    calls.hear(told('notifications/progress', { progressToken: 'a' }));
    calls.hear(told('notifications/progress', { progressToken: 'b' }));
    calls.hear(told('notifications/progress', {}));
    expect([first, second, third].flatMap(heard)).toEqual(['notifications/progress']);
  });
});
