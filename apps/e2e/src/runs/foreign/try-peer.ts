import assert from 'node:assert/strict';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { eventually } from '@sallyport/testing';
import type { Agent, CallResult } from '../../agents/agent.js';
import type { Journal } from './journal.js';
import type { Problems } from './outcome.js';
import { checksOf } from './peer.js';
import type { Check, Peer } from './peer.js';
import type { PeerServer } from './peer-program.js';

/** A client of one revision of the protocol. */
export interface Era {
  readonly revision: string;
  readonly agent: Agent;
}

export interface PeerInUse {
  readonly peer: Peer;
  readonly server: PeerServer;
  readonly journal: Journal;
  readonly eras: readonly Era[];
}

const CUT_ANSWER_MS = 40_000;
const REFRESH_MS = 40_000;
const TOLD_TO_WAIT_MS = 45_000;

/** Runs the checks of one peer in their order; a failed one does not keep the next from being tried. */
export async function tryPeer(inUse: PeerInUse): Promise<Problems> {
  const problems: Problems = {};
  for (const check of checksOf(inUse.peer)) {
    try {
      await tries[check](inUse);
    } catch (error) {
      problems[check] = error instanceof Error ? error.message : String(error);
    }
  }
  return problems;
}

const tries: Readonly<Record<Check, (inUse: PeerInUse) => Promise<void>>> = {
  async list({ peer, eras }) {
    await each(eras, async ({ agent }) => {
      const names = await agent.toolNames();
      for (const tool of peer.calls?.map((call) => call.tool) ?? ['echo', 'slow', 'fail'])
        assert.ok(
          names.includes(`${peer.name}__${tool}`),
          `${tool} is not among ${names.filter((name) => name.startsWith(`${peer.name}__`)).join(', ')}`,
        );
    });
  },
  call: (inUse) => callOnce(inUse, 'call'),
  async 'failing tool'({ peer, journal, eras }) {
    await each(eras, async ({ agent, revision }) => {
      const text = `fail-${revision}`;
      const answer = await callAsTold(agent, `${peer.name}__fail`, { text });
      assert.deepEqual(
        { isError: answer.isError, saysWhy: answer.text.includes(text), ran: journal.count(`fail ${text}`) },
        { isError: true, saysWhy: true, ran: 1 },
        answer.text,
      );
    });
  },
  async restart(inUse) {
    await inUse.server.kill();
    await inUse.server.start();
    await callOnce(inUse, 'restart');
  },
  async 'cut call'(inUse) {
    const { peer, server, journal, eras } = inUse;
    await callOnce(inUse, 'before-cut');
    const calls = eras.map(({ agent, revision }) =>
      outcomeOf(agent.call(`${peer.name}__slow`, { text: `cut-${revision}`, seconds: 30 })),
    );
    try {
      await eventually(() => eras.every(({ revision }) => journal.count(`slow cut-${revision}`) > 0), {
        timeoutMs: 15_000,
        until: 'the slow tool runs',
      });
    } finally {
      await server.kill();
    }
    const answers = await within(CUT_ANSWER_MS, Promise.all(calls), 'a call whose server was killed has no answer');
    await server.start();
    for (const answer of answers)
      assert.ok(answer.isError, `a call whose server was killed is said to have succeeded: ${answer.text}`);
    await callOnce(inUse, 'after-cut');
    for (const { revision } of eras) assert.equal(journal.count(`slow cut-${revision}`), 1, 'times the cut call ran');
  },
  async 'expired token'({ peer, journal, eras }) {
    await each(eras, async ({ agent, revision }) => {
      const links = agent.openedLinks.length;
      const before = journal.count('refresh');
      for (let call = 0; journal.count('refresh') === before; call++) {
        const text = `expiry-${revision}-${call}`;
        assert.ok(call < REFRESH_MS / 200, 'the token was never renewed');
        const answer = await callAsTold(agent, `${peer.name}__echo`, { text });
        assert.deepEqual(
          { isError: answer.isError, ran: journal.count(`echo ${text}`), links: agent.openedLinks.length },
          { isError: false, ran: 1, links },
          answer.text,
        );
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    });
  },
};

/** One client after the other: where an account has to be connected anew, the second finds what the first one did. */
const each = async (eras: readonly Era[], act: (era: Era) => Promise<void>): Promise<void> => {
  const outcomes: PromiseSettledResult<void>[] = [];
  for (const era of eras) outcomes.push(...(await Promise.allSettled([act(era)])));
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected'
      ? [
          `${eras[index]?.revision}: ${outcome.reason instanceof Error ? outcome.reason.message : String(outcome.reason)}`,
        ]
      : [],
  );
  if (failures.length > 0) throw new Error(failures.join('\n'));
};

/** Every client's next call is answered, and what can be counted ran once. */
async function callOnce({ peer, journal, eras }: PeerInUse, label: string): Promise<void> {
  await each(eras, async ({ agent, revision }) => {
    for (const { tool, args, holds } of peer.calls ?? []) {
      const answer = await outcomeOf(agent.call(`${peer.name}__${tool}`, args));
      assert.ok(
        answer.text.toLowerCase().includes(holds.toLowerCase()),
        `${tool} answered: ${answer.text.slice(0, 500)}`,
      );
    }
    if (peer.calls !== undefined) return;
    const text = `${label}-${revision}`;
    const answer = await callAsTold(agent, `${peer.name}__echo`, { text });
    assert.deepEqual(
      { isError: answer.isError, echoed: answer.text.includes(text), ran: journal.count(`echo ${text}`) },
      { isError: false, echoed: true, ran: 1 },
      answer.text,
    );
  });
}

/**
 * As an agent does that reads: an authorization server that was away for a moment is left alone as long as the answer
 * says, and a link that ended on a page of the authorization server's own is followed by another one, once.
 */
async function callAsTold(agent: Agent, tool: string, args: Readonly<Record<string, unknown>>): Promise<CallResult> {
  let links = 0;
  for (const giveUp = Date.now() + TOLD_TO_WAIT_MS; ;) {
    const answer = await agent.call(tool, args).catch((error: unknown) => {
      if (!(error instanceof UrlElicitationRequiredError) || links++ > 0) throw error;
      return undefined;
    });
    if (answer === undefined) continue;
    const seconds = Number(/Try again in (\d+) seconds/.exec(answer.text)?.[1] ?? Number.NaN);
    if (!answer.isError || Number.isNaN(seconds) || Date.now() + seconds * 1000 > giveUp) return answer;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** As a person does who is asked for an account once: by the tool that is there for it, or by the first call. */
export async function connectAccount({ name }: Peer, agent: Agent): Promise<void> {
  const connect = `${name}__connect`;
  if ((await agent.toolNames()).includes(connect)) await agent.call(connect);
}

const outcomeOf = (call: Promise<CallResult>): Promise<CallResult> =>
  call.catch((error: unknown) => ({ isError: true, text: String(error) }));

async function within<T>(milliseconds: number, promise: Promise<T>, otherwise: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${otherwise} after ${milliseconds} ms`)), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
