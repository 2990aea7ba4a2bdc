import type { Document } from '@sallyport/configuration';
import { warningsOf, type DocumentWarning } from '@sallyport/declaration';
import type { Logger } from '@sallyport/telemetry';
import { warningsOfAddresses } from './warnings-of-addresses.js';

/**
 * Logs what is valid in the configuration but will not do what its author expects. Nobody waits: it resolves names.
 * @param refuse rejects with `outbound_refused` for an address that may not be called
 */
export async function reportWarnings(
  documents: readonly Document[],
  refuse: (url: string) => Promise<void>,
  logger: Pick<Logger, 'warn'>,
): Promise<void> {
  const say = ({ document: { kind, name }, field, message }: DocumentWarning) =>
    logger.warn({ document: `${kind} ${name}`, field }, message);
  warningsOf(documents).forEach(say);
  try {
    (await warningsOfAddresses(documents, refuse)).forEach(say);
  } catch (err) {
    logger.warn({ err }, 'it could not be looked at whether every configured address may be called');
  }
}
