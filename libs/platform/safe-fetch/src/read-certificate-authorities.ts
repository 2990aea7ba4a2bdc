import { readFileSync } from 'node:fs';
import { SallyportError } from '@sallyport/kernel';

/** Reads certificate authorities. @returns PEM @throws SallyportError `certificate_unreadable`, which names the file */
export function readCertificateAuthorities(paths: readonly string[]): string[] {
  return paths.map((path) => {
    let pem: string;
    try {
      pem = readFileSync(path, 'utf8');
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
      throw new SallyportError(
        'certificate_unreadable',
        `The certificate authority ${path} cannot be read (${code}).`,
        { cause },
      );
    }
    if (!pem.includes('-----BEGIN CERTIFICATE-----'))
      throw new SallyportError('certificate_unreadable', `The certificate authority ${path} holds no PEM certificate.`);
    return pem;
  });
}
