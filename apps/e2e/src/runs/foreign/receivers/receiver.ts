import type { StoredEvent } from '@sallyport/admin-api/events';
import type { DistributedSystem } from '../../../system/start-distributed.js';

/** What receivers are tried in. */
export interface Deployment {
  readonly system: DistributedSystem;
  /** A call of `whoami` by an agent of each revision, in a trace of its own. @returns the trace of each */
  call(): Promise<readonly AgentTrace[]>;
  /** Signs in a new agent, which calls once: that takes a lease of its own. */
  enterAnew(): Promise<void>;
  /** All events of the trail so far, oldest first. */
  trail(): Promise<readonly StoredEvent[]>;
  /** What the receiver of a log stream answers to a test event. */
  test(stream: string): Promise<{ readonly isTaken: boolean; readonly said: string }>;
  /** What the receiver of a log stream said last, while it takes nothing. */
  lastError(stream: string): Promise<string | undefined>;
}

export interface AgentTrace {
  readonly revision: '2025-11-25' | '2026-07-28';
  readonly traceId: string;
  /** Of the agent. */
  readonly spanId: string;
}

/** What somebody is told that a receiver does, and how it is found out. @throws with what was there instead */
export interface Check {
  readonly what: string;
  run(deployment: Deployment): Promise<void>;
}

/** A program that others wrote, which runs and is to be sent to. */
export interface Receiver {
  readonly name: string;
  /** Documents that send events to it. */
  readonly documents: readonly object[];
  /** Its ports on this machine, which our processes may call. */
  readonly ports: readonly number[];
  /** For all our processes. */
  readonly env: Readonly<Record<string, string>>;
  readonly checks: readonly Check[];
  stop(): Promise<void>;
}
