import type { Person } from './person.js';
import type { Recording } from './recording.js';

export interface CallResult {
  readonly text: string;
  readonly isError: boolean;
}

/** What both generations of the real SDK client do for the scenarios. */
export interface Agent {
  readonly recording: Recording;
  /** The access token the agent holds now. */
  token(): string;
  refreshToken(): string | undefined;
  toolNames(): Promise<string[]>;
  /** Calls a tool; when a person is needed, opens the link in that person's browser and calls again or resumes. */
  call(name: string, args?: Record<string, unknown>, meta?: Record<string, unknown>): Promise<CallResult>;
  resourceUris(): Promise<string[]>;
  read(uri: string): Promise<string>;
  /** Links the gateway asked the person to open, in order. */
  readonly openedLinks: readonly string[];
  close(): Promise<void>;
}

export interface AgentOptions {
  readonly gatewayUrl: string;
  readonly name: string;
  readonly redirectUri: string;
  readonly person: Person;
}

export function textOf(result: Record<string, unknown>): CallResult {
  const content = Array.isArray(result['content']) ? (result['content'] as { type: string; text?: string }[]) : [];
  return { text: content.map(({ text }) => text ?? '').join('\n'), isError: result['isError'] === true };
}
