/** The four lists of MCP that a server offers entries in. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';

export const listMethods = {
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
} as const satisfies Record<ListKind, string>;
