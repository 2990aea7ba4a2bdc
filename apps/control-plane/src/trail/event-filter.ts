import type { EventFilter } from '@sallyport/admin-api/events';
import type { AuditEvent } from '@sallyport/audit';
import { Prisma } from '@sallyport/database';

/**
 * What a filter compares, each by its expression in SQL and by what it is of an event: a page is filtered where the
 * events are kept, a tail where they are read once for all who watch. A test holds the two to one another. Events of
 * older versions have their tool and their trace in the detail.
 */
const FIELDS = {
  userId: { sql: Prisma.sql`"userId"`, of: ({ userId }: AuditEvent) => userId },
  clientId: { sql: Prisma.sql`"clientId"`, of: ({ clientId }: AuditEvent) => clientId },
  server: { sql: Prisma.sql`"server"`, of: ({ server }: AuditEvent) => server },
  sid: { sql: Prisma.sql`"sid"`, of: ({ sid }: AuditEvent) => sid },
  tool: {
    sql: Prisma.sql`coalesce("body"->>'tool',
      CASE WHEN "body"->'detail'->>'method' = 'tools/call' THEN "body"->'detail'->>'target' END)`,
    of: ({ tool, detail }: AuditEvent) =>
      tool ?? (detail['method'] === 'tools/call' ? wordOf(detail['target']) : undefined),
  },
  traceId: {
    sql: Prisma.sql`coalesce("body"->>'traceId', "body"->'detail'->>'traceId')`,
    of: ({ traceId, detail }: AuditEvent) => traceId ?? wordOf(detail['traceId']),
  },
} as const;
const wordOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const OUTCOME = Prisma.sql`"body"->>'outcome'`;
const POLICIES = [
  Prisma.sql`"body"->'detail'->'policies'->>'clientToGateway'`,
  Prisma.sql`"body"->'detail'->'policies'->>'gatewayToServer'`,
];
/** One in each line: nothing is found across two of them. */
const NAMES = Prisma.sql`concat_ws(chr(10), "body"->>'userName', "body"->>'agentName', "body"->>'serverTitle',
  ${FIELDS.tool.sql})`;

const EXACT = Object.keys(FIELDS) as (keyof typeof FIELDS)[];

/** The filter as what follows `WHERE`. */
export function whereOf(filter: EventFilter): Prisma.Sql {
  const { from, to, type, outcome, policy, text } = filter;
  const all = [
    Prisma.sql`true`,
    ...(from === undefined ? [] : [Prisma.sql`"at" >= ${new Date(from)}`]),
    ...(to === undefined ? [] : [Prisma.sql`"at" < ${new Date(to)}`]),
    ...(type === undefined ? [] : [typesOf(type)]),
    ...EXACT.flatMap((name) => (filter[name] === undefined ? [] : [Prisma.sql`${FIELDS[name].sql} = ${filter[name]}`])),
    ...(outcome === undefined ? [] : [Prisma.sql`${OUTCOME} = ANY (${outcome})`]),
    ...(policy === undefined ? [] : [Prisma.sql`(${Prisma.join(POLICIES.map(is(policy)), ' OR ')})`]),
    ...(text === undefined ? [] : [Prisma.sql`${NAMES} ~ ${inAnyCase(text)}`]),
  ];
  return Prisma.join(all, ' AND ');
}

const is = (value: string) => (sql: Prisma.Sql) => Prisma.sql`${sql} = ${value}`;

/** Most events are of these: the index by type is without them. */
const OF_CALLS = ['mcp.request', 'mcp.response'];

/** What asks for no events of calls says so, or the index by type is of no use. */
function typesOf(types: readonly string[]): Prisma.Sql {
  const each = types.map((type) =>
    type.endsWith('*') ? Prisma.sql`"type" LIKE ${`${escaped(type.slice(0, -1))}%`}` : Prisma.sql`"type" = ${type}`,
  );
  const any = Prisma.sql`(${Prisma.join(each, ' OR ')})`;
  return OF_CALLS.some((type) => types.some((wanted) => isOfType(type, wanted)))
    ? any
    : Prisma.sql`${any} AND "type" NOT IN ('mcp.request', 'mcp.response')`;
}

/** `_` and `%` stand for themselves. */
const escaped = (text: string): string => text.replaceAll(/[\\_%]/g, '\\$&');

/** A pattern of PostgreSQL and of ours: what `lower` makes of a letter depends on the locale of the database. */
const inAnyCase = (text: string): string =>
  Array.from(text)
    .map((letter) => {
      const both = new Set([letter.toLowerCase(), letter.toUpperCase()]);
      return both.size === 1 ? letter.replace(/[^\p{L}\p{N}\s]/u, '\\$&') : `(?:${[...both].join('|')})`;
    })
    .join('');

/** The same filter for events that are here already. */
export function matcherOf(filter: EventFilter): (event: AuditEvent) => boolean {
  const { type: types, outcome, policy, text } = filter;
  const from = filter.from === undefined ? -Infinity : Date.parse(filter.from);
  const to = filter.to === undefined ? Infinity : Date.parse(filter.to);
  const exact = EXACT.filter((name) => filter[name] !== undefined);
  const searched = text === undefined ? undefined : new RegExp(inAnyCase(text));
  return (event) =>
    event.at >= from &&
    event.at < to &&
    (types === undefined || types.some((type) => isOfType(event.type, type))) &&
    exact.every((name) => FIELDS[name].of(event) === filter[name]) &&
    (outcome === undefined || (event.outcome !== undefined && outcome.includes(event.outcome))) &&
    (policy === undefined || policiesOf(event).includes(policy)) &&
    (searched === undefined || searched.test(namesOf(event)));
}

const isOfType = (type: string, wanted: string): boolean =>
  wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;

function policiesOf({ detail: { policies } }: AuditEvent): readonly unknown[] {
  if (typeof policies !== 'object' || policies === null || Array.isArray(policies)) return [];
  return [policies['clientToGateway'], policies['gatewayToServer']];
}

const namesOf = (event: AuditEvent): string =>
  [event.userName, event.agentName, event.serverTitle, FIELDS.tool.of(event)].join('\n');
