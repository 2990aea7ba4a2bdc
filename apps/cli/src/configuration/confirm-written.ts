import type { AdminClient } from '@sallyport/admin-api';
import { Option } from 'commander';
import { CliError } from '../cli-error.js';
import { waitUntilLive } from '../configuration/wait-until-live.js';
import type { Context } from '../context.js';
import { EXIT, type ExitCode } from '../exit-code.js';

/** How long gateways have to report a revision. */
const LIVE_TIMEOUT_MS = 30_000;

export type WaitFor = 'live' | 'none';

export const waitOption = (): Option =>
  new Option('--wait <for>', 'What to wait for').choices(['live', 'none']).default('live');

/**
 * Says what was written, and waits until every gateway has it.
 * @throws CliError when some gateways do not have it in time
 */
export async function confirmWritten(
  { world, output }: Pick<Context, 'world' | 'output'>,
  api: AdminClient,
  { epoch, revision }: { readonly epoch: string; readonly revision: number },
  wait: WaitFor,
): Promise<ExitCode> {
  if (wait === 'none') {
    output.one('applied', { epoch, revision }, () => [`Applied as revision ${revision}.`]);
    return EXIT.done;
  }
  const { gateways, waiting } = await waitUntilLive(
    api,
    { epoch, revision },
    { output, timeoutMs: LIVE_TIMEOUT_MS, signal: world.signal },
  );
  output.done();
  output.record('applied', { epoch, revision, gateways, waiting });
  if (waiting.length > 0)
    throw new CliError(
      EXIT.failed,
      `Revision ${revision} is recorded, and not yet in force at ${waiting.join(', ')}.`,
      ['They follow by themselves once they can: sallyport status'],
    );
  output.say(
    `Applied as revision ${revision}, in force at ${gateways === 1 ? 'the gateway' : `all ${gateways} gateways`}.`,
  );
  return EXIT.done;
}
