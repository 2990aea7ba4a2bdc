import { cleanText } from '@sallyport/kernel';
import { z } from 'zod';
import type { Unknown } from '../describe/description.js';
import type { RegistryEntry } from '../findings.js';

const Text = z.string().max(4_096);
const Header = z.object({
  name: z.string().min(1).max(128),
  /** With variables in braces, as in `Bearer {token}`. */
  value: Text.optional(),
  description: Text.optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
});
const Remote = z.object({
  type: z.string().max(64),
  url: z.string().max(2_048),
  headers: z.array(Header).max(32).optional(),
});
/** `server.json` of the MCP registry, what we use of it. */
const ServerJson = z.object({
  name: z.string().min(1).max(256),
  title: Text.optional(),
  remotes: z.array(Remote).max(64).optional(),
  packages: z.array(z.unknown()).max(64).optional(),
});
const OFFICIAL = 'io.modelcontextprotocol.registry/official';
/** As the registry's API answers it, round a `server.json`. */
const Wrapped = z.object({
  server: ServerJson,
  _meta: z
    .object({ [OFFICIAL]: z.object({ status: z.string().max(32).optional() }).optional() })
    .optional()
    .catch(undefined),
});

export type ReadEntry =
  | {
      readonly type: 'remote';
      /** Of the server's MCP endpoint, where a probe begins. */
      readonly url: string;
      readonly entry: RegistryEntry;
      readonly unknowns: readonly Unknown[];
    }
  | { readonly type: 'unusable'; readonly why: Unknown };

const MAX_BYTES = 1_048_576;

/**
 * Reads an entry of the MCP registry: a `server.json`, or what the registry's API answers of one.
 * @param how where it comes from, for the report
 */
export function readServerJson(text: string, how: string): ReadEntry {
  const value = text.length > MAX_BYTES ? undefined : parsed(text);
  const wrapped = Wrapped.safeParse(value).data;
  const { data, error } = ServerJson.safeParse(wrapped?.server ?? value);
  if (data === undefined) {
    const [issue] = error?.issues ?? [];
    const field = issue === undefined || issue.path.length === 0 ? 'it' : issue.path.join('.');
    return unusable(
      `what ${how} has: ${field} is not what a server.json has`,
      'you',
      'Check that it is a server.json.',
    );
  }
  const status = wrapped?._meta?.[OFFICIAL]?.status ?? 'active';
  if (status === 'deleted')
    return unusable(`${shown(data.name)} was deleted from the registry`, 'nobody', 'Use another.');
  const remote = chosen(data.remotes ?? []);
  return remote === undefined ? withoutRemote(data) : remoteEntry(data, remote, { how, status });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const chosen = (remotes: readonly z.infer<typeof Remote>[]) =>
  remotes.find(({ type }) => type === 'streamable-http') ?? remotes[0];

function withoutRemote({ name, packages = [] }: z.infer<typeof ServerJson>): ReadEntry {
  return packages.length > 0
    ? unusable(
        `${shown(name)} is a program to run (stdio), not a server with an address`,
        'you',
        'Run it behind a bridge that serves Streamable HTTP, and give that address.',
      )
    : unusable(`${shown(name)} names no address`, "the server's operator", 'Its entry needs `remotes`.');
}

function remoteEntry(
  { name, title }: z.infer<typeof ServerJson>,
  { url, headers = [] }: z.infer<typeof Remote>,
  { how, status }: { readonly how: string; readonly status: string },
): ReadEntry {
  const variable = /\{([A-Za-z0-9_.-]{1,64})\}/.exec(url)?.[1];
  if (variable !== undefined)
    return unusable(
      `the address of ${shown(name)} has a part that is yours to fill in: ${shown(url)}`,
      'you',
      `Give the address itself, with your ${variable}.`,
    );
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    return unusable(`${shown(name)} names no web address: ${shown(url)}`, "the server's operator", 'Mend its entry.');
  return {
    type: 'remote',
    url,
    entry: {
      how,
      name,
      ...(title === undefined ? {} : { title: shown(title) }),
      headers: headers.map((header) => ({
        name: header.name,
        ...(header.value === undefined ? {} : { form: header.value.slice(0, 256) }),
        ...(header.description === undefined ? {} : { description: shown(header.description) }),
        isRequired: header.isRequired ?? false,
        isSecret: header.isSecret ?? false,
      })),
    },
    unknowns:
      status === 'active'
        ? []
        : [
            {
              what: `${shown(name)} is ${shown(status)} in the registry`,
              move: 'you',
              todo: 'Look for its successor.',
            },
          ],
  };
}

const unusable = (what: string, move: Unknown['move'], todo: string): ReadEntry => ({
  type: 'unusable',
  why: { what, move, todo },
});

const shown = (text: string): string => cleanText(text, 120);
