import { z } from 'zod';

const text = () => z.string().min(1).optional();

/** The environment of the command line. Nothing needs to be set; an argument wins over a variable. */
export const CliEnvironment = z.object({
  SALLYPORT_URL: text().describe('Address of the control plane, as `--url`'),
  SALLYPORT_CONTEXT: text().describe('The context to use, as `--context`'),
  SALLYPORT_ADMIN_TOKEN_FILE: text().describe('File with an administrator’s token, as `--token-file`'),
  SALLYPORT_CLIENT_ID: text().describe('Name of a machine agent that administers, for pipelines'),
  SALLYPORT_CLIENT_KEY_FILE: text().describe('Its private key, in PEM or as a JWK'),
  SALLYPORT_CLIENT_ASSERTION_FILE: text().describe(
    'A token of its platform in place of a key; in GitHub Actions one is asked for',
  ),
  SALLYPORT_DATA_DIR: text().describe('Data directory of an `npm start`; `.sallyport` here or above by default'),
  SALLYPORT_CONTROL_PLANE_PORT: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Port of the control plane of an `npm start` that has noted none'),
  XDG_CONFIG_HOME: text().describe('Where contexts and sign-ins are kept, in `sallyport/`; `~/.config` by default'),
  NO_COLOR: z.string().optional().describe('Anything but nothing: no colour (no-color.org)'),
});
export type CliEnvironment = z.infer<typeof CliEnvironment>;

/** Empty variables count as unset. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): CliEnvironment {
  return CliEnvironment.parse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
}
