import { variable } from '@sallyport/config';
import type { CertificateFiles } from '@sallyport/http';
import { SallyportError } from '@sallyport/kernel';
import type { z } from 'zod';

/** What a service's environment has whose listener may end TLS itself: spread it into the service's own schema. */
export function tlsVariables() {
  return {
    SALLYPORT_TLS_CERTIFICATE_FILE: variable
      .path()
      .optional()
      .describe(
        'PEM file of this listener’s certificate, then those between it and the authority: TLS ends here, not at ' +
          'a proxy. Read again when it changes',
      ),
    SALLYPORT_TLS_KEY_FILE: variable.path().optional().describe('PEM file of the key of that certificate'),
  };
}

type TlsEnvironment = z.infer<z.ZodObject<ReturnType<typeof tlsVariables>>>;

/** @throws SallyportError `configuration_invalid` where one is named without the other */
export function certificateFilesOf(environment: TlsEnvironment): CertificateFiles | undefined {
  const { SALLYPORT_TLS_CERTIFICATE_FILE: certificateFile, SALLYPORT_TLS_KEY_FILE: keyFile } = environment;
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile };
  throw new SallyportError(
    'configuration_invalid',
    'SALLYPORT_TLS_CERTIFICATE_FILE and SALLYPORT_TLS_KEY_FILE belong together: set both, or none.',
  );
}
