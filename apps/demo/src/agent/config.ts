import { homedir } from 'node:os';
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
const Settings = z.object({
  SALLYPORT_GATEWAY_URL: Origin.default('http://127.0.0.1:7400'),
  SALLYPORT_CONTROL_PLANE_URL: Origin.default('http://127.0.0.1:7402'),
  SALLYPORT_DATA_DIR: z.string().min(1).default('.sallyport'),
});

export const usage = `npm run demo -- [--gateway <url>] [--control-plane <url>] [--data-dir <path>]

  --gateway        default http://127.0.0.1:7400  (or SALLYPORT_GATEWAY_URL)
  --control-plane  default http://127.0.0.1:7402  (or SALLYPORT_CONTROL_PLANE_URL)
  --data-dir       default .sallyport             (or SALLYPORT_DATA_DIR)
  NO_COLOR=1 prints without colours.
`;

/** Flags win over the environment. Throws `configuration_invalid`; returns undefined when help was asked for. */
export function readStoryConfig(args: readonly string[], terminal: boolean, env: Readonly<Record<string, string | undefined>> = process.env): StoryConfig | undefined {
  const flags = readFlags(args);
  if (flags.help) return undefined;
  const settings = Settings.safeParse(withoutEmpty({
    ...withoutEmpty(env),
    ...withoutEmpty({ SALLYPORT_GATEWAY_URL: flags.gateway, SALLYPORT_CONTROL_PLANE_URL: flags['control-plane'], SALLYPORT_DATA_DIR: flags['data-dir'] }),
  }));
  if (!settings.success) throw new SallyportError('configuration_invalid', settings.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const { SALLYPORT_GATEWAY_URL: gatewayUrl, SALLYPORT_CONTROL_PLANE_URL: controlPlaneUrl, SALLYPORT_DATA_DIR: dataDir } = settings.data;
  return { gatewayUrl, controlPlaneUrl, dataDir: resolve(dataDir.replace(/^~(?=\/)/, homedir())), colour: env['NO_COLOR'] ? false : terminal || Boolean(env['FORCE_COLOR']) };
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: { gateway: { type: 'string' }, 'control-plane': { type: 'string' }, 'data-dir': { type: 'string' }, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (cause) {
    throw new SallyportError('configuration_invalid', cause instanceof Error ? cause.message : 'Unknown flag.', { cause });
  }
}

function withoutEmpty(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''));
}
