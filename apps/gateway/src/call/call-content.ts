import { textAt } from '@sallyport/kernel/json';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import { MAX_CONTENT_BYTES } from '@sallyport/messages/content';
import type { ContentRecord } from '@sallyport/messages/content';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { SecretTraces } from '../outbound/secret-traces.js';
import type { ClientRequest } from '../protocol/client-message.js';
import { showContent } from './show-content.js';

/** What is recorded of a call's content, and why something of it is not. */
export type RecordedContent = Pick<
  ContentRecord,
  'level' | 'arguments' | 'argumentsWithheld' | 'result' | 'resultWithheld'
>;
type RecordedLevel = NonNullable<Permit['record']>;
type Part = 'arguments' | 'result';
type Withheld = NonNullable<ContentRecord['resultWithheld']>;

/** Members of results that MCP describes, so that they are told by name. A text is told by its size. */
const MEMBERS = {
  properties: {
    isError: {},
    content: { items: { properties: { type: {}, mimeType: {} } } },
    contents: { items: { properties: { mimeType: {} } } },
    messages: { items: { properties: { role: {}, content: { properties: { type: {}, mimeType: {} } } } } },
  },
};

/**
 * What a call was asked with and answered, as far as the policies that permitted it let the trail have it (S30).
 * Nothing in it is the credential that the server was shown, or the agent's own token, at any level.
 */
export class CallContent {
  readonly #level: RecordedLevel;
  readonly #request: ClientRequest;
  readonly #token: SecretTraces;
  /** The definition of the tool as agents see it. */
  readonly #tool: string | undefined;
  #said: RecordedContent | undefined;

  private constructor(level: RecordedLevel, request: ClientRequest, token: string, tool: string | undefined) {
    this.#level = level;
    this.#request = request;
    this.#token = new SecretTraces([`Bearer ${token}`]);
    this.#tool = tool;
  }

  /** @returns undefined where nothing of it is recorded */
  static of(
    { record }: Pick<Permit, 'record'>,
    { request, token }: { readonly request: ClientRequest; readonly token: string },
    tool: string | undefined,
  ): CallContent | undefined {
    const { type } = request.operation;
    const hasContent = type === 'call' || type === 'prompt' || type === 'read';
    return record === undefined || !hasContent ? undefined : new CallContent(record, request, token, tool);
  }

  /** What there is to record; none of a call that was not sent. */
  get said(): RecordedContent | undefined {
    return this.#said;
  }

  /** The call is sent with this credential. */
  asked(lease: CredentialLease): void {
    this.#said ??= { level: this.#level };
    const { operation, source } = this.#request;
    if (!('arguments' in operation) || operation.arguments === undefined) return;
    const level = this.#level;
    this.#note('arguments', lease, () =>
      level === 'full'
        ? textAt(source?.json ?? '{}', ['params', 'arguments'])
        : JSON.stringify(showContent(operation.arguments, this.#schemas().input, level)),
    );
  }

  /** @param result as the server said it, for this client */
  answered(result: JsonObject, lease: CredentialLease): void {
    const { structuredContent, ...rest } = result;
    const level = this.#level;
    this.#note('result', lease, () => {
      if (level === 'full') return JSON.stringify(result);
      const told = showContent(rest, MEMBERS, level);
      if (structuredContent === undefined) return JSON.stringify(told);
      const structured = showContent(structuredContent, this.#schemas().output, level);
      return JSON.stringify({ ...(isJsonObject(told) ? told : {}), structuredContent: structured });
    });
  }

  /** The answer is passed on as it comes, and never whole here. */
  answeredInPieces(): void {
    this.#add('result', { withheld: 'in_pieces' });
  }

  #note(part: Part, lease: CredentialLease, textOf: () => string | undefined): void {
    const text = textOf();
    if (text === undefined) return;
    if (text.length > MAX_CONTENT_BYTES) return this.#add(part, { withheld: 'too_large' });
    const redacted = this.#token.redact(lease.redactJson(text));
    // It travels as a text in JSON.
    const fits = Buffer.byteLength(JSON.stringify(redacted)) <= MAX_CONTENT_BYTES;
    this.#add(part, fits ? { text: redacted } : { withheld: 'too_large' });
  }

  #add(part: Part, said: { readonly text: string } | { readonly withheld: Withheld }): void {
    const isThere = 'text' in said;
    this.#said = {
      ...(this.#said ?? { level: this.#level }),
      [part]: isThere ? said.text : undefined,
      [`${part}Withheld`]: isThere ? undefined : said.withheld,
    };
  }

  #schemas(): { readonly input: unknown; readonly output: unknown } {
    const tool: unknown = this.#tool === undefined ? undefined : JSON.parse(this.#tool);
    return isJsonObject(tool)
      ? { input: tool['inputSchema'], output: tool['outputSchema'] }
      : { input: undefined, output: undefined };
  }
}
