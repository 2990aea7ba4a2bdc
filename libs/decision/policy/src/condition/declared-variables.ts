/** What an expression may read, and how it is typed. */
export interface DeclaredMember {
  readonly type: 'text' | 'list of text' | 'true or false' | 'time' | 'object';
  /** All values it takes, where there are only these. */
  readonly values?: readonly string[];
  readonly meaning: string;
  /** An expression that uses it. */
  readonly example: string;
  /** The operations that have it; the others see it empty. */
  readonly seenBy: string;
}
export type DeclaredVariable = 'user' | 'agent' | 'tool' | 'request';

const EVERY = 'every operation';
const TOOLS = 'calls of tools; lists, but for arguments';

/**
 * The environment of `when` as people may rely on it, for the check when a policy is written and for
 * `docs/conditions.md`. A test holds it against what the decision shows expressions.
 */
export const DECLARED_VARIABLES: Readonly<Record<DeclaredVariable, Readonly<Record<string, DeclaredMember>>>> = {
  user: {
    id: { type: 'text', meaning: 'Our id of the user.', example: 'user.id != ""', seenBy: EVERY },
    trustProvider: {
      type: 'text',
      meaning: 'The name of the identity provider where the user signed in.',
      example: 'user.trustProvider == "corp"',
      seenBy: EVERY,
    },
    subject: {
      type: 'text',
      meaning: 'What the identity provider calls the user.',
      example: 'user.subject == "alice"',
      seenBy: EVERY,
    },
    groups: {
      type: 'list of text',
      meaning: 'The groups that the identity provider says.',
      example: '"staff" in user.groups',
      seenBy: EVERY,
    },
    roles: {
      type: 'list of text',
      meaning: 'The names of the `Role` documents that the user or the machine has.',
      example: 'user.roles.exists(role, role == "writer")',
      seenBy: EVERY,
    },
    amr: {
      type: 'list of text',
      meaning: 'How the user signed in (RFC 8176).',
      example: '"hwk" in user.amr',
      seenBy: EVERY,
    },
    acr: {
      type: 'text',
      meaning: 'The class of the sign-in; empty when the provider says none.',
      example: 'user.acr == "phr"',
      seenBy: EVERY,
    },
  },
  agent: {
    clientId: {
      type: 'text',
      meaning: 'The OAuth client id of the agent.',
      example: 'agent.clientId.startsWith("https://")',
      seenBy: EVERY,
    },
    name: {
      type: 'text',
      meaning: 'The name the agent gives itself. Anybody can take any name.',
      example: 'agent.name != ""',
      seenBy: EVERY,
    },
    assurance: {
      type: 'text',
      values: ['asserted', 'verified-redirect', 'key-authenticated'],
      meaning: 'How sure it is that the agent is who it says.',
      example: 'agent.assurance == "key-authenticated"',
      seenBy: EVERY,
    },
  },
  tool: {
    name: {
      type: 'text',
      meaning: "The tool's name at its server, without our prefix.",
      example: 'tool.name.startsWith("get_")',
      seenBy: TOOLS,
    },
    approved: {
      type: 'true or false',
      meaning: 'Whether an administrator approved the definition of the tool.',
      example: 'tool.approved',
      seenBy: TOOLS,
    },
    annotations: {
      type: 'object',
      meaning:
        'The approved `readOnlyHint`, `destructiveHint`, `idempotentHint` and `openWorldHint`; what is not approved ' +
        'has its worst value.',
      example: 'tool.annotations.readOnlyHint',
      seenBy: TOOLS,
    },
    arguments: {
      type: 'object',
      meaning: 'What the agent sends to the tool. Whatever needs it is decided at the call.',
      example: 'pathWithin(tool.arguments.path, "/srv/public")',
      seenBy: 'calls of tools',
    },
  },
  request: {
    server: {
      type: 'text',
      meaning: 'The name of the `McpServer`; empty for what is at no server.',
      example: 'request.server != "payroll"',
      seenBy: 'every operation, but for lists',
    },
    kind: {
      type: 'text',
      values: ['tool', 'tool-view', 'resource', 'prompt', 'list-tools', 'list-resources', 'list-prompts', 'connect'],
      meaning: 'What is asked for.',
      example: 'request.kind != "tool" || tool.annotations.readOnlyHint',
      seenBy: 'every operation, but for lists',
    },
    name: {
      type: 'text',
      meaning: 'The name of the tool or prompt; empty for anything else.',
      example: 'request.kind != "prompt" || request.name != "admin"',
      seenBy: 'every operation, but for lists',
    },
    uri: {
      type: 'text',
      meaning: 'The URI of the resource; empty for anything else.',
      example: 'request.kind != "resource" || uriWithin(request.uri, "note://team/")',
      seenBy: 'every operation, but for lists',
    },
    sourceIp: {
      type: 'text',
      meaning: 'The address that the agent calls from; empty when it is not known.',
      example: 'request.sourceIp != ""',
      seenBy: 'every operation, but for lists',
    },
    time: {
      type: 'time',
      meaning: 'When it is asked.',
      example: 'request.time.getHours("Europe/Berlin") < 20',
      seenBy: 'every operation, but for lists',
    },
  },
};

export const declaredMember = (variable: string, member: string): DeclaredMember | undefined =>
  Object.hasOwn(DECLARED_VARIABLES, variable) && Object.hasOwn(DECLARED_VARIABLES[variable as DeclaredVariable], member)
    ? DECLARED_VARIABLES[variable as DeclaredVariable][member]
    : undefined;

export const isDeclared = (variable: string): variable is DeclaredVariable =>
  Object.hasOwn(DECLARED_VARIABLES, variable);
