import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import { z } from 'zod';
import type { ClientAbilities } from './client-abilities.js';

export const QUESTION_METHODS = ['elicitation/create', 'sampling/createMessage', 'roots/list'] as const;
export type QuestionMethod = (typeof QUESTION_METHODS)[number];

/** Something a server wants of the user or of the client, worded anew by us. */
export interface Question {
  readonly method: QuestionMethod;
  readonly params: JsonObject;
}

const MAX_MESSAGE = 4_096;
const Form = z.object({ message: z.string().max(MAX_MESSAGE), requestedSchema: z.looseObject({ type: z.literal('object'), properties: z.record(z.string().max(256), z.looseObject({})) }) });
const Visit = z.object({ message: z.string().max(MAX_MESSAGE), url: z.string().max(8_192), elicitationId: z.string().max(256).optional() });
/** `includeContext` is left out: what the client knows of other servers through us is not this one's. */
const Sampling = z.object({
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant']) })).max(1_000),
  maxTokens: z.number(),
  systemPrompt: z.string().optional(),
  temperature: z.number().optional(),
  stopSequences: z.array(z.string()).optional(),
  modelPreferences: z.looseObject({}).optional(),
  metadata: z.looseObject({}).optional(),
  tools: z.array(z.looseObject({ name: z.string() })).max(256).optional(),
  toolChoice: z.looseObject({}).optional(),
});

/**
 * What a server asks, if it may: within what the client declared and policy allows, built from known fields only, naming
 * the server, and with a URL of an allowed origin (security rule S18). `undefined` for everything else.
 */
export function readQuestion(method: unknown, params: unknown, server: DocumentOf<'McpServer'>, abilities: ClientAbilities): Question | undefined {
  switch (method) {
    case 'elicitation/create': {
      const mode = isJsonObject(params) ? (params['mode'] ?? 'form') : undefined;
      if (mode === 'form' && abilities.has('form')) {
        const form = Form.safeParse(params).data;
        return form && { method, params: { ...form, message: named(server, form.message) } };
      }
      if (mode === 'url' && abilities.has('url')) {
        const visit = Visit.safeParse(params).data;
        return visit && isAllowedUrl(visit.url, server) ? { method, params: { mode, ...visit, message: named(server, visit.message) } } : undefined;
      }
      return undefined;
    }
    case 'sampling/createMessage': {
      if (!abilities.has('sampling')) return undefined;
      const sampling = Sampling.safeParse(params).data;
      const wantsTools = sampling?.tools !== undefined || sampling?.toolChoice !== undefined;
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
export function readQuestions(inputRequests: JsonObject, server: DocumentOf<'McpServer'>, abilities: ClientAbilities): Map<string, Question> | undefined {
  const questions = new Map<string, Question>();
  for (const [key, asked] of Object.entries(inputRequests)) {
    const question = isJsonObject(asked) ? readQuestion(asked['method'], asked['params'], server, abilities) : undefined;
    if (question === undefined || key.length > MAX_KEY || key === '__proto__' || questions.size >= MAX_QUESTIONS) return undefined;
    questions.set(key, question);
  }
  return questions;
}

/** As the protocol writes them. */
export const inputRequestsOf = (questions: ReadonlyMap<string, Question>): JsonObject => Object.fromEntries([...questions].map(([key, { method, params }]) => [key, { method, params }]));

function isAllowedUrl(url: string, { spec: { mayAsk } }: DocumentOf<'McpServer'>): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  // As the client's browser will read it: what is written otherwise could be read otherwise.
  return parsed !== undefined && parsed.username === '' && parsed.password === '' && /^https?:\/\/[\x21-\x7e]+$/i.test(url) && !url.includes('\\') && mayAsk?.urlOrigins.includes(parsed.origin) === true;
}

/** Whoever reads it must see who asks: several servers speak through one gateway. So nothing a server says may erase, overwrite or turn around what stands before it. */
const named = ({ name, spec }: DocumentOf<'McpServer'>, message: string): string => `${spec.title ?? name} asks: ${message.replace(CONTROLS, '')}`;

/** Of terminals (but for tab and line feed) and of writing direction. */
const CONTROLS = /(?![\t\n])[\p{Cc}\p{Bidi_Control}]/gu;

const Elicited = z.object({ action: z.enum(['accept', 'decline', 'cancel']), content: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).optional(), _meta: z.looseObject({}).optional() });
const Sampled = z.looseObject({ role: z.enum(['user', 'assistant']), model: z.string() });
const Roots = z.object({ roots: z.array(z.looseObject({ uri: z.string() })).max(1_000) });

/** The client's result in the form this question has; `undefined` when it has another. */
export function readResultFor(method: QuestionMethod, result: unknown): JsonObject | undefined {
  const schema = { 'elicitation/create': Elicited, 'sampling/createMessage': Sampled, 'roots/list': Roots }[method];
  return schema.safeParse(result).data;
}
