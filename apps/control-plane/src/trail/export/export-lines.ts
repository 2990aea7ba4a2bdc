import type { AuditEvent } from '@sallyport/audit';

type Cell = string | number | boolean | undefined;
type Exported = AuditEvent & { readonly sequence: number };

const ofDetail =
  (name: string) =>
  ({ detail }: Exported): Cell => {
    const value = detail[name];
    return typeof value === 'object' ? undefined : value;
  };
const policyAt =
  (hop: string) =>
  ({ detail: { policies } }: Exported): Cell => {
    if (typeof policies !== 'object' || policies === null || Array.isArray(policies)) return undefined;
    const name = policies[hop];
    return typeof name === 'string' ? name : undefined;
  };
const OF_EVENT = [
  ...([
    'type',
    'code',
    'outcome',
    'errorClass',
    'userId',
    'userName',
    'trustProvider',
    'clientId',
    'agentName',
  ] as const),
  ...(['sid', 'server', 'serverTitle', 'tool', 'account', 'address', 'traceId'] as const),
] as const;
const OF_DETAIL = ['method', 'decision', 'reason', 'policyRevision', 'httpStatus', 'errorCode'] as const;
const MEASURED = ['durationMs', 'upstreamMs', 'overheadMs', 'requestBytes', 'responseBytes'] as const;

/** What a line of CSV has, in this order. Columns are only ever added, at the end. */
const COLUMNS: readonly (readonly [title: string, cell: (event: Exported) => Cell])[] = [
  ['sequence', ({ sequence }) => sequence],
  ['at', ({ at }) => new Date(at).toISOString()],
  ...OF_EVENT.map((name) => [name, (event: Exported) => event[name]] as const),
  ...OF_DETAIL.map((name) => [name, ofDetail(name)] as const),
  ['clientPolicy', policyAt('clientToGateway')],
  ['serverPolicy', policyAt('gatewayToServer')],
  ...MEASURED.map((name) => [name, ofDetail(name)] as const),
  ['id', ({ id }) => id],
  ['replica', ({ replica }) => replica],
  ['writer', ({ writer }) => writer],
  ['n', ({ n }) => n],
  ['detail', ({ detail }) => JSON.stringify(detail)],
];

export const CSV_HEAD = `${COLUMNS.map(([title]) => title).join(',')}\r\n`;

/** An event in CSV (RFC 4180), always in one line. */
export const csvLine = (event: Exported): string => `${COLUMNS.map(([, cell]) => csvCell(cell(event))).join(',')}\r\n`;

/**
 * A text that a spreadsheet would take for a formula begins with an apostrophe; what would end the line, or can not be
 * seen, is a space.
 */
function csvCell(value: Cell): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  // eslint-disable-next-line no-control-regex -- those are meant
  const inOneLine = value.replaceAll(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' ');
  const guarded = /^\s*[=+\-@]/.test(inOneLine) ? `'${inOneLine}` : inOneLine;
  return /[",]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
