import type { JsonObject } from '@sallyport/mcp-relay';
import { z } from 'zod';
import { oneLine } from './shown-text.js';

const MAX_FIELDS = 64;
const MAX_CHOICES = 1_024;
const MAX_LABEL = 128;
const MAX_DESCRIPTION = 1_024;
const MAX_VALUE = 256;
const MAX_DEFAULT = 4_096;

/** Comes back in the answer as it is, so it is shown as it is, or not at all. */
const Shown = z
  .string()
  .max(MAX_VALUE)
  .refine((text) => text === oneLine(text, MAX_VALUE));
const Words = { title: z.string().optional(), description: z.string().optional() };
const Option = z.object({ const: Shown, title: z.string().transform((title) => oneLine(title, MAX_LABEL)) });
const Options = z.array(Option).min(1).max(MAX_CHOICES);
const Choices = z.array(Shown).min(1).max(MAX_CHOICES);
const List = {
  type: z.literal('array'),
  ...Words,
  minItems: z.int().optional(),
  maxItems: z.int().optional(),
  default: z.array(Shown).max(MAX_CHOICES).optional(),
};

/**
 * The restricted schema of elicitation (2025-11-25 and 2026-07-28, PrimitiveSchemaDefinition); other keywords are left
 * out.
 */
const Field = z.union([
  z.object({
    type: z.literal('string'),
    ...Words,
    enum: Choices,
    enumNames: z
      .array(z.string().transform((name) => oneLine(name, MAX_LABEL)))
      .max(MAX_CHOICES)
      .optional(),
    default: Shown.optional(),
  }),
  z.object({ type: z.literal('string'), ...Words, oneOf: Options, default: Shown.optional() }),
  z.object({ ...List, items: z.object({ type: z.literal('string'), enum: Choices }) }),
  z.object({ ...List, items: z.object({ anyOf: Options }) }),
  z.object({
    type: z.literal('string'),
    ...Words,
    minLength: z.int().optional(),
    maxLength: z.int().optional(),
    format: z.enum(['email', 'uri', 'date', 'date-time']).optional().catch(undefined),
    default: z
      .string()
      .transform((text) => oneLine(text, MAX_DEFAULT))
      .optional(),
    enum: z.never().optional(),
    oneOf: z.never().optional(),
  }),
  z.object({
    type: z.enum(['number', 'integer']),
    ...Words,
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    default: z.number().optional(),
  }),
  z.object({ type: z.literal('boolean'), ...Words, default: z.boolean().optional() }),
]);
type Field = z.infer<typeof Field>;
const Form = z.object({
  type: z.literal('object'),
  properties: z.record(z.string().min(1).max(MAX_LABEL), Field),
  required: z.array(z.string()).optional(),
});

/** Brought lists to choose several from, titled options and what is filled in beforehand, but for booleans. */
const RICH_FORMS_SINCE = '2025-11-25';
/** Cannot be taken for words: a client may show it where a title is missing. */
const IDENTIFIER = /^[\p{L}\p{M}\p{N}_.$-]+$/u;

/**
 * The form a server wants filled in, built from what the protocol knows in the client's revision. Each label and each
 * description stands on one line and says whose it is (security rule S18). `undefined` for what is no such form.
 */
export function readForm(
  requestedSchema: unknown,
  { title, version }: { readonly title: string; readonly version: string },
): JsonObject | undefined {
  const { data: form } = Form.safeParse(requestedSchema);
  const entries = Object.entries(form?.properties ?? {});
  if (form === undefined || entries.length > MAX_FIELDS || entries.some(([name]) => name !== oneLine(name, MAX_LABEL)))
    return undefined;
  const fields = entries.map(([name, field]) => [name, fieldFor(name, field, title, version)] as const);
  if (fields.some(([, field]) => field === undefined)) return undefined;
  const required = form.required?.filter((name) => Object.hasOwn(form.properties, name));
  return { type: 'object', properties: Object.fromEntries(fields), ...(required === undefined ? {} : { required }) };
}

function fieldFor(
  name: string,
  { type, title, description, ...rest }: Field,
  server: string,
  version: string,
): JsonObject | undefined {
  const label = title ?? (IDENTIFIER.test(name) ? undefined : name);
  const words = {
    type,
    ...(label === undefined ? {} : { title: `${server}: ${oneLine(label, MAX_LABEL)}` }),
    ...(description === undefined ? {} : { description: `${server}: ${oneLine(description, MAX_DESCRIPTION)}` }),
  };
  if (version >= RICH_FORMS_SINCE || type === 'boolean') return { ...words, ...rest };
  if (type === 'array') return undefined;
  const { default: _default, ...plain } = rest;
  if (!('oneOf' in plain) || plain.oneOf === undefined) return { ...words, ...plain };
  return {
    ...words,
    enum: plain.oneOf.map((option) => option.const),
    enumNames: plain.oneOf.map((option) => option.title),
  };
}
