import { isIP } from 'node:net';
import { knownHost } from './known-hosts.js';

const MAX_SERVER_ID = 24;
/** What says that there is a server, and not which one. */
const GENERIC = new Set(['mcp', 'api', 'apis', 'www', 'app', 'server', 'remote', 'ai', 'cloud', 'prod', 'com']);

export interface NamedDocument {
  readonly kind: string;
  readonly name: string;
}

/**
 * A name for a server: the one that is wanted, what is known of its host, the label of the host that says most, or what
 * the server calls itself. A `ServerId`, and none that is taken.
 */
export function nameServer(
  { hostname, port }: Pick<URL, 'hostname' | 'port'>,
  title: string | undefined,
  existing: readonly NamedDocument[],
  wanted?: string,
): string {
  const known = knownHost(hostname)?.name;
  const base = asId(wanted ?? '') ?? (known === '' ? undefined : known) ?? nameOfHost(hostname) ?? asId(title ?? '');
  return free('McpServer', base ?? asId(`server-${port}`) ?? 'server', existing, MAX_SERVER_ID);
}

/** The name of a document beside the server's, such as `notes-per-user`; with a number where it is taken. */
export const nameBeside = (kind: string, wanted: string, existing: readonly NamedDocument[]): string =>
  free(kind, wanted, existing, 64);

function nameOfHost(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (isIP(bare) !== 0 || bare === 'localhost' || bare.endsWith('.localhost')) return undefined;
  const labels = bare.toLowerCase().split('.');
  const own = labels.length > 1 ? labels.slice(0, -1) : labels;
  const said = own.map((label) => asId(label.replace(/^mcp-?|-?mcp$|-?server$/g, '')) ?? '');
  return said.find((label) => label.length > 2 && !GENERIC.has(label)) ?? said.find((label) => label !== '');
}

function asId(text: string): string | undefined {
  const id = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return id === '' ? undefined : cut(id, MAX_SERVER_ID);
}

const cut = (id: string, length: number): string => id.slice(0, length).replace(/-+$/, '');

function free(kind: string, wanted: string, existing: readonly NamedDocument[], longest: number): string {
  const taken = new Set(existing.filter((document) => document.kind === kind).map(({ name }) => name));
  const base = cut(wanted, longest);
  for (let number = 1; ; number++) {
    const end = number === 1 ? '' : `-${number}`;
    const name = `${cut(base, longest - end.length)}${end}`;
    if (!taken.has(name)) return name;
  }
}
