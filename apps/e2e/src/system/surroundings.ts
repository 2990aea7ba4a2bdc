import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEMO_CLIENT_SECRET_VARIABLE, demoConfiguration, startDemo } from '@sallyport/demo';
import type { Demo, DemoConfigurationUrls } from '@sallyport/demo';
import { Secret } from '@sallyport/kernel';
import { freePorts, makeScratch, removeScratch } from '@sallyport/testing';
import { createTestAuthority, startHttpsServer, type TestAuthority } from '@sallyport/testing/servers';
import { DownstreamObserver } from './downstream-observer.js';

/** Of the demonstration's provider; the one value the declarative file finds in its environment. */
export const IDENTITY_PROVIDER_CLIENT_SECRET = 'e2e-identity-provider-client-secret';
const REDIRECT_URI = 'http://127.0.0.1:43117/callback'; // nobody listens: the person's browser stops there

/** What a company would already have: identity provider, servers, an agent vendor's https site, and a free machine. */
export interface Surroundings {
  readonly dataDir: string;
  readonly demo: Demo;
  readonly downstream: DownstreamObserver;
  readonly ports: {
    readonly gateway: number;
    readonly authorizationServer: number;
    readonly controlPlane: number;
    readonly health: number;
    readonly database: number;
  };
  readonly urls: { readonly gatewayUrl: string; readonly issuer: string; readonly controlPlaneUrl: string };
  readonly clientMetadataUrl: string;
  readonly redirectUri: string;
  /**
   * Serves a document at an https address of the vendor's site. @param options `asClient`: with that address as its
   * `client_id`
   */
  readonly publish: (document: Readonly<Record<string, unknown>>, options?: { readonly asClient?: boolean }) => string;
  /** Environment every process of ours needs to find its surroundings. */
  readonly configurationFile: string;
  readonly certificateAuthorityFile: string;
  /** Where TLS ends at our listeners: their files, and how to replace what is in them. */
  readonly listenerCertificate:
    | { readonly env: Readonly<Record<string, string>>; issue(): Promise<string> }
    | undefined;
  readonly secretEnvironment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * @param configure the declarative file; its last document is the `OutboundNetwork`, whose list is lengthened here
 * @param options `tls`: every listener of ours is to show a certificate
 */
export async function prepareSurroundings(
  configure: (demo: DemoConfigurationUrls) => string = demoConfiguration,
  { tls = false }: { readonly tls?: boolean } = {},
): Promise<Surroundings> {
  const dataDir = join(makeScratch('e2e'), 'data');
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const [gateway = 0, authorizationServer = 0, controlPlane = 0, health = 0, database = 0] = await freePorts(5);
  const url = (port: number) => `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  const issuer = url(authorizationServer);

  const downstream = new DownstreamObserver();
  const clientSecret = new Secret(IDENTITY_PROVIDER_CLIENT_SECRET);
  const demo = await startDemo({
    ports: { identityProvider: 0, notes: 0, whoami: 0 },
    dataDir,
    issuer,
    clientSecret,
    notesAccessTokenSeconds: 20,
  });

  const authority = await createTestAuthority();
  const published = new Map<string, Readonly<Record<string, unknown>>>();
  const vendor = await startHttpsServer(authority, (request, response) => {
    const document = published.get(request.url ?? '') ?? {
      client_id: `https://localhost:${vendor.port}/agent.json`,
      client_name: 'Modern Agent',
      redirect_uris: [REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    };
    response
      .writeHead(request.url === '/agent.json' || published.has(request.url ?? '') ? 200 : 404, {
        'content-type': 'application/json',
      })
      .end(JSON.stringify(document));
  });
  const certificateAuthorityFile = join(dataDir, 'test-authority.pem');
  writeFileSync(certificateAuthorityFile, authority.certificate);
  const configurationFile = join(dataDir, 'e2e.yaml');
  writeFileSync(
    configurationFile,
    `${configure(demo.urls).trimEnd()}\n    - { host: localhost, ports: [${vendor.port}] }\n`,
  );

  const listenerCertificate = tls ? await keepListenerCertificate(authority, dataDir) : undefined;
  return {
    dataDir,
    listenerCertificate,
    demo,
    downstream,
    ports: { gateway, authorizationServer, controlPlane, health, database },
    urls: { gatewayUrl: url(gateway), issuer, controlPlaneUrl: url(controlPlane) },
    clientMetadataUrl: `https://localhost:${vendor.port}/agent.json`,
    redirectUri: REDIRECT_URI,
    publish(document, { asClient = false } = {}) {
      const path = `/published/${published.size}.json`;
      const url = `https://localhost:${vendor.port}${path}`;
      published.set(path, asClient ? { ...document, client_id: url } : document);
      return url;
    },
    configurationFile,
    certificateAuthorityFile,
    secretEnvironment: { [DEMO_CLIENT_SECRET_VARIABLE]: clientSecret.reveal() },
    async close() {
      downstream.close();
      await demo.close();
      await vendor.close();
      removeScratch(dataDir);
    },
  };
}

async function keepListenerCertificate(authority: TestAuthority, dataDir: string) {
  const files = { certificate: join(dataDir, 'listener.crt'), key: join(dataDir, 'listener.key') };
  const issue = async (): Promise<string> => {
    const { cert, key } = await authority.issue({ dns: ['localhost'], ip: ['127.0.0.1'] });
    writeFileSync(files.certificate, cert);
    writeFileSync(files.key, key, { mode: 0o600 });
    return cert;
  };
  await issue();
  const env = { SALLYPORT_TLS_CERTIFICATE_FILE: files.certificate, SALLYPORT_TLS_KEY_FILE: files.key };
  return { env, issue };
}
