import type { Findings, ReadEntry, Unknown } from '@sallyport/server-probe';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import type { AddOptions } from './add-options.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';

export interface AskedAddress {
  readonly url: URL;
  readonly entry: Findings['registry'];
  readonly unknowns: readonly Unknown[];
}

/**
 * The address somebody typed, or the one of a registry's entry.
 * @throws CliError for none, more than one, or what is no address
 */
export async function addressOf(
  world: World,
  typed: string | undefined,
  options: Pick<AddOptions, 'registry' | 'registryUrl' | 'serverJson'>,
): Promise<AskedAddress> {
  const { registry, registryUrl, serverJson } = options;
  if ([typed, registry, serverJson].filter((given) => given !== undefined).length !== 1)
    throw new CliError(EXIT.invalid, 'Which server to ask was not said, or more than once.', [
      'Give its address, --registry NAME or --server-json FILE: one of them.',
    ]);
  if (typed !== undefined) return { url: webAddress(typed), entry: undefined, unknowns: [] };
  const { findInRegistry, readServerJson } = await import('@sallyport/server-probe');
  const read =
    registry === undefined
      ? readServerJson(
          await textOf(world, serverJson ?? ''),
          serverJson === '-' ? 'standard input' : (serverJson ?? ''),
        )
      : await findInRegistry(registry, registryUrl === undefined ? {} : { registry: webAddress(registryUrl).href });
  const { url, entry, unknowns } = usable(read);
  return { url: webAddress(url), entry, unknowns };
}

function usable(read: ReadEntry): ReadEntry & { readonly type: 'remote' } {
  if (read.type === 'remote') return read;
  throw new CliError(EXIT.failed, `${read.why.what}.`, [read.why.todo]);
}

/** @throws CliError for what is no web address, or holds a user or a password */
export function webAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CliError(EXIT.invalid, `${text} is no address of a server.`, [
      'Write it as https://mcp.example.com/mcp.',
    ]);
  if (url.username !== '' || url.password !== '')
    throw new CliError(EXIT.invalid, 'An address holds no user and no password.', [
      'No credential is needed to ask a server what it is.',
    ]);
  return url;
}

/** `https://login.internal:8443` as the one host and port that may be called. */
export function allowed(origin: string): { host: string; ports: number[]; http: boolean } {
  const { protocol, hostname, port } = webAddress(origin);
  const isPlain = protocol === 'http:';
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    ports: [port === '' ? (isPlain ? 80 : 443) : Number(port)],
    http: isPlain,
  };
}

async function textOf(world: World, file: string): Promise<string> {
  if (file === '-') return await world.readStdin();
  const path = resolve(world.directory, file);
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new CliError(EXIT.invalid, `${path} cannot be read (${code}).`, [], { cause });
  }
}
