import { stat } from 'node:fs/promises';
import type { VerifyCause } from '@sallyport/admin-api';
import type { HardeningContext } from '../context.js';
import { failed, passed, warned, type Check, type Finding } from '../step.js';

const DAY_MS = 86_400_000;
const OLD_DAYS = 90;
/** Of the group, and of others. */
const NOT_THE_OWNER = 0o077;

/** Files of secrets: who can read them, and how old the administrator token is. */
export function checkFiles({ config, clock }: HardeningContext): Check[] {
  const { masterKeyFile, configurationSigningKeyFile, leaseKeyFile, leaseSigningKeyFile } = config.keys;
  const keys = [masterKeyFile, configurationSigningKeyFile, leaseKeyFile, leaseSigningKeyFile];
  const tokenFile = config.deployment?.adminTokenFile;
  return [
    ...keys.flatMap((file) => (file === null ? [] : [checkOf(file, () => lookAtMode(file, 'key_file_exposed'))])),
    ...(tokenFile === undefined
      ? []
      : [
          checkOf(tokenFile, async () => [
            await lookAtMode(tokenFile, 'admin_token_exposed'),
            await lookAtAge(tokenFile, clock()),
          ]),
        ]),
  ];
}

const checkOf = (subject: string, run: Check['run']): Check => ({ step: 'hardening', subject, run });

async function lookAtMode(file: string, cause: VerifyCause): Promise<Finding> {
  const mode = (await stat(file)).mode & 0o777;
  const shown = mode.toString(8).padStart(4, '0');
  return (mode & NOT_THE_OWNER) === 0 ? passed(`Its mode is ${shown}.`) : failed(cause, `Its mode is ${shown}.`);
}

async function lookAtAge(file: string, now: number): Promise<Finding> {
  const days = Math.floor((now - (await stat(file)).mtimeMs) / DAY_MS);
  return days > OLD_DAYS
    ? warned('admin_token_old', `It was written ${days} days ago.`)
    : passed(`It was written ${Math.max(0, days)} days ago.`);
}
