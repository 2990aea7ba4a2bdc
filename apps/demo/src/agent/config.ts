import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SallyportError } from '@sallyport/kernel';

/** Where the running system is, and how to print. */
export interface StoryConfig {
  /** Origins, without a trailing slash. */
  gatewayUrl: string;
  controlPlaneUrl: string;
  /** Holds `admin-token`. */
  dataDir: string;
  colour: boolean;
}

const Origin = z.url({ protocol: /^https?$/ }).transform((url) => new URL(url).origin);
const Port = z.coerce.number().int().min(1).max(65_535);
/** The same names as those of `npm start`, so that one environment serves both. */
const Settings = z.object({
  SALLYPORT_HOST: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .transform((host) => (host.includes(':') ? `[${host}]` : host)),
  SALLYPORT_GATEWAY_PORT: Port.default(7400),
  SALLYPORT_CONTROL_PLANE_PORT: Port.default(7402),
  SALLYPORT_DATA_DIR: z.string().min(1).default('.sallyport'),
});
const Flags = z.object({
  gateway: Origin.optional(),
  'control-plane': Origin.optional(),
  'data-dir': z.string().min(1).optional(),
});

/** How whoever reads our words starts the system. */
export const START = 'npm start in a clone, npx sallyport start elsewhere';

export const usage = `npm run demo -- (in a clone), npx sallyport demo (elsewhere)
  [--gateway <url>] [--control-plane <url>] [--data-dir <path>]

  --gateway        default http://127.0.0.1:7400  (or SALLYPORT_HOST and SALLYPORT_GATEWAY_PORT)
  --control-plane  default http://127.0.0.1:7402  (or SALLYPORT_HOST and SALLYPORT_CONTROL_PLANE_PORT)
  --data-dir       default .sallyport             (or SALLYPORT_DATA_DIR)
  NO_COLOR=1 prints without colours.
`;

/** Flags win over the environment. Throws `configuration_invalid`; returns undefined when help was asked for. */
export function readStoryConfig(
  args: readonly string[],
  terminal: boolean,
  env: Readonly<Record<string, string | undefined>> = process.env,
): StoryConfig | undefined {
  const { help, ...given } = readFlags(args);
  if (help) return undefined;
  const flags = parse(Flags, given, (name) => `--${name}`);
  const settings = parse(Settings, withoutEmpty(env), (name) => name);
  return {
    gatewayUrl: flags.gateway ?? `http://${settings.SALLYPORT_HOST}:${settings.SALLYPORT_GATEWAY_PORT}`,
    controlPlaneUrl:
      flags['control-plane'] ?? `http://${settings.SALLYPORT_HOST}:${settings.SALLYPORT_CONTROL_PLANE_PORT}`,
    dataDir: resolve(flags['data-dir'] ?? settings.SALLYPORT_DATA_DIR),
    colour: env['NO_COLOR'] ? false : terminal || Boolean(env['FORCE_COLOR']),
  };
}

function parse<S extends z.ZodType>(schema: S, values: unknown, label: (name: string) => string): z.output<S> {
  const result = schema.safeParse(values);
  if (!result.success)
    throw new SallyportError(
      'configuration_invalid',
      result.error.issues.map((issue) => `${label(issue.path.join('.'))}: ${issue.message}`).join('; '),
    );
  return result.data;
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        gateway: { type: 'string' },
        'control-plane': { type: 'string' },
        'data-dir': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new SallyportError('configuration_invalid', cause instanceof Error ? cause.message : 'Unknown flag.', {
      cause,
    });
  }
}

function withoutEmpty(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
}
