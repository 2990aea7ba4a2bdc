/** One case against `/mcp`: what goes over the wire, and how. */
export interface McpCase {
  readonly method: string;
  readonly path: string;
  /** Sent as they are, repeated ones too. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** The body's pieces, in bytes; one for the whole of it. Several are sent as chunks of their own. */
  readonly pieces: readonly number[];
  /** The connection ends after this many bytes of the body, though more were announced. */
  readonly cutAfter: number | undefined;
}

/** What valid requests are made of. */
export interface McpFacts {
  readonly token: string;
  readonly revokedToken: string;
  /** Of a session that is open. */
  readonly sessionId: string;
  /** Of a task that is over. */
  readonly taskId: string;
  readonly tools: readonly [string, ...string[]];
  readonly resources: readonly [string, ...string[]];
  readonly prompts: readonly [string, ...string[]];
}
