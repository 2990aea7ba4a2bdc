/** What both everything servers offer, in the words the official suite looks for. */

/** A 1×1 red pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** A WAV file of one silent sample. */
export const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQIAAACAAA==';

export const text = (value: string) => ({ type: 'text' as const, text: value });
export const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' };
export const audio = { type: 'audio' as const, data: WAV, mimeType: 'audio/wav' };
export const embedded = (uri: string, mimeType: string, content: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType, text: content },
});

/** Tools without arguments that answer at once, by name. */
export const plainTools = {
  test_simple_text: [text('This is a simple text response for testing.')],
  test_image_content: [image],
  test_audio_content: [audio],
  test_embedded_resource: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  test_multiple_content_types: [
    text('Multiple content types test:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ],
};

export const STATIC_TEXT = 'This is the content of the static text resource.';
export const templated = (id: string): string => JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });

type Named = { readonly [name: string]: { readonly type: 'string'; readonly description?: string } };
export const objectOf = (properties: Named, required: readonly string[]) => ({
  type: 'object' as const,
  properties: { ...properties },
  required: [...required],
});

/** Form-mode elicitations a tool makes, by the tool's name. */
export const forms = {
  test_elicitation: objectOf(
    {
      username: { type: 'string', description: "User's response" },
      email: { type: 'string', description: "User's email address" },
    },
    ['username', 'email'],
  ),
  test_elicitation_sep1034_defaults: {
    type: 'object' as const,
    properties: {
      name: { type: 'string' as const, default: 'John Doe' },
      age: { type: 'integer' as const, default: 30 },
      score: { type: 'number' as const, default: 95.5 },
      status: { type: 'string' as const, enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean' as const, default: true },
    },
  },
  test_elicitation_sep1330_enums: {
    type: 'object' as const,
    properties: {
      untitledSingle: { type: 'string' as const, enum: ['option1', 'option2', 'option3'] },
      titledSingle: {
        type: 'string' as const,
        oneOf: [
          { const: 'value1', title: 'First Option' },
          { const: 'value2', title: 'Second Option' },
          { const: 'value3', title: 'Third Option' },
        ],
      },
      legacyEnum: {
        type: 'string' as const,
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: {
        type: 'array' as const,
        items: { type: 'string' as const, enum: ['option1', 'option2', 'option3'] },
      },
      titledMulti: {
        type: 'array' as const,
        items: {
          anyOf: [
            { const: 'value1', title: 'First Choice' },
            { const: 'value2', title: 'Second Choice' },
            { const: 'value3', title: 'Third Choice' },
          ],
        },
      },
    },
  },
};

/** Every keyword here has to survive the way to the client (SEP-1613, SEP-2106). */
export const jsonSchema202012 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object' as const,
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** An argument that travels in a header of its own, too (2026-07-28, `x-mcp-header`). */
export const headerSchema = {
  type: 'object' as const,
  properties: { region: { type: 'string' as const, 'x-mcp-header': 'Region' } },
  required: ['region'],
};

/** What a test wants to know of the server's side. */
export interface Watch {
  /** Slow calls that began, and those that were cancelled. */
  started: number;
  cancelled: number;
}

/** 64 KiB of a long stream. */
export const CHUNK = 'The quick brown fox jumps over the lazy dog. '.repeat(1457).slice(0, 65_536);
