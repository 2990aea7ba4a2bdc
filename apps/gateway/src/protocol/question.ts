import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import { z } from 'zod';
import { titleOf } from './server-title.js';
import type { ClientAbilities } from './client-abilities.js';
import { readForm } from './requested-form.js';
import { readSampling } from './sampling-request.js';
import { quoted } from './shown-text.js';

export const QUESTION_METHODS = ['elicitation/create', 'sampling/createMessage', 'roots/list'] as const;
export type QuestionMethod = (typeof QUESTION_METHODS)[number];

/** Something a server wants of the user or of the client, worded anew by us. */
export interface Question {
  readonly method: QuestionMethod;
  readonly params: JsonObject;
}

const MAX_MESSAGE = 4_096;
const Message = z.string().max(MAX_MESSAGE);
const Visit = z.object({
  message: Message,
  url: z.string().max(8_192),
  elicitationId: z
    .string()
    .regex(/^[\x21-\x7e]{1,256}$/)
    .optional(),
});

/** Who asks whom: the client is told in the words of its revision what this server may ask of it. */
export interface Asking {
  readonly server: DocumentOf<'McpServer'>;
  readonly abilities: ClientAbilities;
  /** The client's revision. */
  readonly version: string;
}

/**
 * What a server asks, if it may: within what the client declared and policy allows, built from known fields only,
 * saying which words are the server's, and with a URL of an allowed origin (security rule S18). `undefined` for
 * everything else.
 */
export function readQuestion(
  method: unknown,
  params: unknown,
  { server, abilities, version }: Asking,
): Question | undefined {
  const title = titleOf(server);
  switch (method) {
    case 'elicitation/create': {
      if (!isJsonObject(params)) return undefined;
      const mode = params['mode'] ?? 'form';
      if (mode === 'form' && abilities.has('form')) {
        const [message, requestedSchema] = [
          Message.safeParse(params['message']).data,
          readForm(params['requestedSchema'], { title, version }),
        ];
        return message === undefined || requestedSchema === undefined
          ? undefined
          : { method, params: { message: named(title, message), requestedSchema } };
      }
      if (mode === 'url' && abilities.has('url')) {
        const visit = Visit.safeParse(params).data;
        return visit && isAllowedUrl(visit.url, server)
          ? { method, params: { mode, ...visit, message: named(title, visit.message) } }
          : undefined;
      }
      return undefined;
    }
    case 'sampling/createMessage': {
      const sampling = abilities.has('sampling') ? readSampling(params, title) : undefined;
      const wantsTools = sampling?.['tools'] !== undefined || sampling?.['toolChoice'] !== undefined;
      return sampling && (!wantsTools || abilities.has('sampling-tools')) ? { method, params: sampling } : undefined;
    }
    case 'roots/list':
      return abilities.has('roots') ? { method, params: {} } : undefined;
    default:
      return undefined;
  }
}

/** Keys are the server's; so many questions at once are more than anybody means. */
export const MAX_QUESTIONS = 16;
const MAX_KEY = 128;

/** What a server wants to know, by its own keys (2026-07-28). `undefined` when one of it may not be asked. */
export function readQuestions(inputRequests: JsonObject, asking: Asking): Map<string, Question> | undefined {
  const questions = new Map<string, Question>();
  for (const [key, asked] of Object.entries(inputRequests)) {
    const question = isJsonObject(asked) ? readQuestion(asked['method'], asked['params'], asking) : undefined;
    if (question === undefined || key.length > MAX_KEY || key === '__proto__' || questions.size >= MAX_QUESTIONS)
      return undefined;
    questions.set(key, question);
  }
  return questions;
}

/** As the protocol writes them. */
export const inputRequestsOf = (questions: ReadonlyMap<string, Question>): JsonObject =>
  Object.fromEntries([...questions].map(([key, { method, params }]) => [key, { method, params }]));

function isAllowedUrl(url: string, { spec: { mayAsk } }: DocumentOf<'McpServer'>): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // As the client's browser will read it: what is written otherwise could be read otherwise.
  return (
    parsed !== undefined &&
    parsed.username === '' &&
    parsed.password === '' &&
    /^https?:\/\/[\x21-\x7e]+$/i.test(url) &&
    !url.includes('\\') &&
    mayAsk?.urlOrigins.includes(parsed.origin) === true
  );
}

/**
 * Whoever reads it must see who asks: several servers speak through one gateway. One line is ours, and no other looks
 * like it.
 */
const named = (title: string, message: string): string => `${title} asks:\n${quoted(message, MAX_MESSAGE)}`;

const Elicited = z.object({
  action: z.enum(['accept', 'decline', 'cancel']),
  content: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional(),
  _meta: z.looseObject({}).optional(),
});
const Sampled = z.looseObject({ role: z.enum(['user', 'assistant']), model: z.string() });
const Roots = z.object({ roots: z.array(z.looseObject({ uri: z.string() })).max(1_000) });

/** The client's result in the form this question has; `undefined` when it has another. */
export function readResultFor(method: QuestionMethod, result: unknown): JsonObject | undefined {
  const schema = { 'elicitation/create': Elicited, 'sampling/createMessage': Sampled, 'roots/list': Roots }[method];
  return schema.safeParse(result).data;
}
