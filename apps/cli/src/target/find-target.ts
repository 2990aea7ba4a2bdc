import { Secret } from '@sallyport/kernel';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { readContexts } from './contexts.js';
import { findLocalStart } from './local-start.js';

/** Which system a command is about, and what proves there who asks. */
export interface Target {
  readonly url: string;
  /** How it was found, e.g. `context prod` or `started in /home/alice/.sallyport`. */
  readonly origin: string;
  readonly contextName: string | undefined;
  readonly gatewayUrl: string | undefined;
  /** A file with a token, where no sign-in is used. */
  readonly tokenFile: string | undefined;
}

export interface TargetOptions {
  readonly url?: string | undefined;
  readonly context?: string | undefined;
  readonly tokenFile?: string | undefined;
}

/**
 * Finds the system: `--url`, `--context`, their variables, the context in use, and then an `npm start` found from here.
 * What is said wins over what is kept, and nothing is guessed where something was said.
 */
export async function findTarget(world: World, options: TargetOptions): Promise<Target> {
  const { environment } = world;
  const url = options.url ?? (options.context === undefined ? environment.SALLYPORT_URL : undefined);
  const tokenFile = options.tokenFile ?? environment.SALLYPORT_ADMIN_TOKEN_FILE;
  const wanted = options.context ?? environment.SALLYPORT_CONTEXT;
  const local = findLocalStart(world);
  if (url !== undefined) return byUrl(world, checkedUrl(url), { tokenFile, wanted, local });
  const { current, contexts } = await readContexts(world);
  const name = wanted ?? current;
  if (name !== null && name !== undefined) {
    const context = contexts[name];
    if (context === undefined)
      throw new CliError(EXIT.invalid, `There is no context "${name}".`, [contextsKnown(Object.keys(contexts))]);
    return {
      url: context.url,
      origin: `context ${name}`,
      contextName: name,
      gatewayUrl: undefined,
      tokenFile: tokenFile ?? context.tokenFile,
    };
  }
  if (local === undefined)
    throw new CliError(EXIT.invalid, 'No system was named, and no running one was found here.', [
      'Say where the control plane is (--url URL, SALLYPORT_URL), sign in once (sallyport login URL),',
      'or start one on this machine (npm start in a clone, else sallyport start) and run this in the same folder.',
    ]);
  const { dataDirectory, ...found } = local;
  return {
    ...found,
    tokenFile: tokenFile ?? found.tokenFile,
    origin: `started in ${dataDirectory}`,
    contextName: undefined,
  };
}

/** A context of the same address brings its sign-in along; so does a start on this machine its token. */
async function byUrl(
  world: World,
  url: string,
  given: {
    tokenFile: string | undefined;
    wanted: string | undefined;
    local: ReturnType<typeof findLocalStart>;
  },
): Promise<Target> {
  const { contexts } = await readContexts(world);
  const same = Object.entries(contexts).find(([name, one]) => one.url === url && (given.wanted ?? name) === name);
  const local = given.local?.url === url ? given.local : undefined;
  return {
    url,
    origin: 'address',
    contextName: same?.[0],
    gatewayUrl: local?.gatewayUrl,
    tokenFile: given.tokenFile ?? same?.[1].tokenFile ?? (same === undefined ? local?.tokenFile : undefined),
  };
}

/** @throws CliError for what is no http address, or sends a token in clear over a network */
export function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new CliError(EXIT.invalid, `${text} is no address of a control plane.`, [
      'Write it as https://control.example.com or http://127.0.0.1:7402.',
    ]);
  if (url.username !== '' || url.password !== '')
    throw new CliError(EXIT.invalid, 'An address holds no user and no password.', [
      'Arguments are seen by every process of this machine: name a file with --token-file.',
    ]);
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    throw new CliError(EXIT.invalid, `${url.origin} would get your token unencrypted.`, ['Use its https address.']);
  return url.href.replace(/\/+$/, '');
}

const isLoopback = (host: string): boolean => host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);

/** @throws CliError for a file that cannot be read or holds nothing */
export async function readToken(world: World, file: string): Promise<Secret> {
  const path = resolve(world.directory, file);
  try {
    const token = file === '-' ? await world.readStdin() : await readFile(path, 'utf8');
    if (token.trim() !== '') return new Secret(token.trim());
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new CliError(EXIT.refused, `The token file ${path} cannot be read (${code}).`, [], { cause });
  }
  throw new CliError(EXIT.refused, `The token file ${path} is empty.`);
}

const contextsKnown = (names: readonly string[]): string =>
  names.length === 0 ? 'There is none yet: sallyport login URL makes one.' : `There are: ${names.join(', ')}.`;
