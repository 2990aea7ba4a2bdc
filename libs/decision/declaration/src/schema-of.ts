import { Document } from '@sallyport/configuration';
import { z } from 'zod';

const KINDS: ReadonlyMap<string, z.ZodType> = new Map(
  Document.options.map((option) => [option.shape.kind.value, option] as const),
);

/**
 * The JSON Schema of documents as they are written, for editors and checkers: of one kind, or of any.
 * @returns `undefined` for a kind that does not exist
 */
export function schemaOf(kind: string | undefined): Record<string, unknown> | undefined {
  const schema = kind === undefined ? Document : KINDS.get(kind);
  if (schema === undefined) return undefined;
  return {
    title: kind === undefined ? 'A document of Sallyport' : `${kind} of Sallyport`,
    ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }),
  };
}
