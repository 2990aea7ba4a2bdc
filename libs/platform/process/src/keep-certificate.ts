import { ListenerCertificate, type CertificateFiles } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { degraded } from './running-service.js';
import type { ServiceScope } from './service-scope.js';

/** Files that a volume of Kubernetes replaces tell nobody: they are looked at. */
const LOOK_MS = 10_000;
const ENDS_SOON_MS = 7 * 86_400_000;

/**
 * Opens the certificate of a service's listener, and reads it again when its files change. Readiness says when it ends
 * within a week, and when what the files hold now cannot be used: the one before stays in use.
 * @returns nothing where no files are named
 * @throws SallyportError `configuration_invalid`
 */
export function keepCertificate(
  scope: Pick<ServiceScope, 'every' | 'readiness'>,
  files: CertificateFiles | undefined,
  { logger, clock, everyMs = LOOK_MS }: { readonly logger: Logger; readonly clock: Clock; readonly everyMs?: number },
): ListenerCertificate | undefined {
  if (files === undefined) return undefined;
  const certificate = new ListenerCertificate(files);
  let isUnusable = false;
  const look = async (): Promise<void> => {
    try {
      if (certificate.readAgain()) logger.info({ validUntil: said(certificate) }, 'the TLS certificate was replaced');
      isUnusable = false;
    } catch (err) {
      if (!isUnusable) logger.warn({ err }, 'the TLS certificate was not replaced: its files cannot be used');
      isUnusable = true;
    }
  };
  scope.every(everyMs, look, 'the TLS certificate could not be looked at');
  scope.readiness(() =>
    degraded(
      isUnusable && 'the files of the TLS certificate cannot be used: the one before stays in use',
      certificate.validUntil - clock() < ENDS_SOON_MS && `the TLS certificate ends at ${said(certificate)}`,
    ),
  );
  return certificate;
}

const said = ({ validUntil }: ListenerCertificate): string => new Date(validUntil).toISOString();
