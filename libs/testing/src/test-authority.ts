import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { createServer } from 'node:https';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate authority that nobody trusts but whoever is given `certificate`. */
export interface TestAuthority {
  /** PEM; what a client is told to trust. */
  readonly certificate: string;
  /** `from` and `until`: days from now. */
  issue(
    names: { dns?: readonly string[]; ip?: readonly string[] },
    valid?: { from?: number; until?: number },
  ): Promise<ServerCertificate>;
  /** For a client of that name. `from` and `until`: days from now. */
  issueClient(name: string, valid?: { from?: number; until?: number }): Promise<ServerCertificate>;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;

export async function createTestAuthority(): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=Sallyport test authority',
    keys,
    signingAlgorithm: ALGORITHM,
    ...validity(),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const certify = async (
    name: string,
    usage: ExtendedKeyUsage,
    days: { from: number; until: number },
    names: readonly { type: 'dns' | 'ip'; value: string }[],
  ): Promise<ServerCertificate> => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: authority.subject,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(days),
      extensions: [
        new BasicConstraintsExtension(false),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([usage]),
        ...(names.length > 0 ? [new SubjectAlternativeNameExtension([...names])] : []),
        await AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', own.privateKey), 'PRIVATE KEY');
    return { key, cert: certificate.toString('pem') };
  };
  return {
    certificate: authority.toString('pem'),
    issue: ({ dns = [], ip = [] }, { from = -1, until = 30 } = {}) =>
      certify(dns[0] ?? ip[0] ?? 'localhost', ExtendedKeyUsage.serverAuth, { from, until }, [
        ...dns.map((value) => ({ type: 'dns' as const, value })),
        ...ip.map((value) => ({ type: 'ip' as const, value })),
      ]),
    issueClient: (name, { from = -1, until = 30 } = {}) =>
      certify(name, ExtendedKeyUsage.clientAuth, { from, until }, []),
  };
}

function validity({ from, until }: { from: number; until: number } = { from: -1, until: 30 }): {
  notBefore: Date;
  notAfter: Date;
} {
  return { notBefore: new Date(Date.now() + from * DAY_MS), notAfter: new Date(Date.now() + until * DAY_MS) };
}

export interface TestHttpsServer {
  /** `https://<host>:<port>` */
  readonly origin: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * An https server on loopback for `host`: something only `authority` vouches for, such as a client metadata document.
 */
export async function startHttpsServer(
  authority: TestAuthority,
  handler: RequestListener,
  { host = 'localhost', port = 0 }: { host?: string; port?: number } = {},
): Promise<TestHttpsServer> {
  const { key, cert } = await authority.issue({ dns: [host, 'localhost'], ip: ['127.0.0.1'] });
  const server = createServer({ key, cert }, handler);
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const actual = (server.address() as AddressInfo).port;
  return {
    origin: `https://${host}:${actual}`,
    port: actual,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
