import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { SallyportError } from '@sallyport/kernel';

export interface CertificateFiles {
  /** PEM: the certificate of the listener first, then those between it and the authority. */
  readonly certificateFile: string;
  /** PEM. */
  readonly keyFile: string;
}

/** A certificate with its key, in PEM, as `node:tls` takes them. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/** What a listener shows over TLS. Read from files, and again when asked to: they are replaced while we run. */
export class ListenerCertificate {
  readonly #files: CertificateFiles;
  readonly #listeners: ((pair: CertificatePair) => void)[] = [];
  #pair: CertificatePair;

  /** @throws SallyportError `configuration_invalid` when a file cannot be read, or the two do not belong together */
  constructor(files: CertificateFiles) {
    this.#files = files;
    this.#pair = readPair(files);
  }

  get pair(): CertificatePair {
    return this.#pair;
  }

  /** Milliseconds since the epoch, from which on nobody takes it any more. */
  get validUntil(): number {
    return new X509Certificate(this.#pair.cert).validToDate.getTime();
  }

  /** Calls the listener with each pair that replaces one. */
  onChange(listener: (pair: CertificatePair) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Reads the files again. Whatever is wrong with them, the pair that was read before stays.
   * @returns whether they hold another pair
   * @throws SallyportError as the constructor does
   */
  readAgain(): boolean {
    const next = readPair(this.#files);
    if (next.cert === this.#pair.cert && next.key === this.#pair.key) return false;
    this.#pair = next;
    for (const listener of this.#listeners) listener(next);
    return true;
  }
}

function readPair({ certificateFile, keyFile }: CertificateFiles): CertificatePair {
  const pair = { cert: readText(certificateFile), key: readText(keyFile) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError(
      'configuration_invalid',
      `The certificate ${certificateFile} and the key ${keyFile} cannot be used together: ${why}.`,
      { cause },
    );
  }
  return pair;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new SallyportError('configuration_invalid', `The file ${file} cannot be read: ${why}.`, { cause });
  }
}
