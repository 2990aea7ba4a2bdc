import type { Document, DocumentOf } from '@sallyport/configuration';
import type { DocumentWarning } from '@sallyport/declaration';
import { hasCode } from '@sallyport/kernel';
import { allowEntryFor } from '@sallyport/safe-fetch';

/**
 * Addresses in documents that will not be called, because they are private or not https and nobody allowed them.
 * One after the other: looking up names is slow where there is no network.
 * @param refuse rejects with `outbound_refused` for what may not be called
 */
export async function warningsOfAddresses(
  documents: readonly Document[],
  refuse: (url: string) => Promise<void>,
): Promise<DocumentWarning[]> {
  const hasList = documents.some(({ kind }) => kind === 'OutboundNetwork');
  const warnings: DocumentWarning[] = [];
  for (const document of documents) {
    for (const [field, address] of calledAddressesOf(document)) {
      try {
        await refuse(address);
      } catch (error) {
        if (!hasCode(error, 'outbound_refused')) throw error;
        warnings.push({
          document: { kind: document.kind, name: document.name },
          field,
          message: `${error.message} ${remedyFor(new URL(address), hasList)}`,
        });
      }
    }
  }
  return warnings;
}

function remedyFor(url: URL, hasList: boolean): string {
  const entry = allowEntryFor(url);
  return hasList
    ? `If that address is yours, add this line to \`allow\` in the OutboundNetwork document: - ${entry}`
    : `If that address is yours, add this document: { kind: OutboundNetwork, name: default, spec: { allow: ` +
        `[${entry}] } }`;
}

/** What of a document we call ourselves; not where browsers are sent, nor what is only a name. */
function calledAddressesOf(document: Document): (readonly [field: string, address: string])[] {
  const { kind, spec } = document;
  switch (kind) {
    case 'McpServer':
    case 'Webhook':
      return [['spec.url', spec.url]];
    case 'LogStream':
      return calledAddressesOfSink(spec.sink);
    case 'TrustProvider':
      return [['spec.issuer', spec.issuer]];
    case 'WorkloadIssuer':
      if (spec.keys !== undefined) return [];
      return spec.jwksUri !== undefined
        ? [['spec.jwksUri', spec.jwksUri]]
        : 'issuer' in spec
          ? [['spec.issuer', spec.issuer]]
          : [];
    case 'Agent':
      return present(spec.authentication, ['jwksUri'], 'spec.authentication');
    case 'CredentialProvider':
      return calledAddressesOfProvider(spec);
    default:
      return [];
  }
}

function calledAddressesOfProvider(spec: DocumentOf<'CredentialProvider'>['spec']): (readonly [string, string])[] {
  switch (spec.type) {
    case 'mcp-user-oauth':
      return [
        ...present(spec, ['authorizationServer'], 'spec'),
        ...present(spec.client ?? {}, ['issuer'], 'spec.client'),
      ];
    case 'id-jag':
      return present(spec, ['issuer', 'tokenEndpointOrigin'], 'spec');
    case 'cloud':
      return present(spec.cloud, ['stsEndpoint', 'iamEndpoint'], 'spec.cloud');
    default:
      return present(spec, ['tokenEndpoint', 'refreshEndpoint', 'revocationEndpoint'], 'spec');
  }
}

function calledAddressesOfSink({
  syslog,
  ...sinks
}: DocumentOf<'LogStream'>['spec']['sink']): (readonly [string, string])[] {
  return [
    ...Object.entries(sinks).flatMap(([name, sink]) => present(sink ?? {}, ['url', 'endpoint'], `spec.sink.${name}`)),
    ...(syslog === undefined ? [] : [['spec.sink.syslog.host', syslogAddress(syslog)] as const]),
  ];
}

/** As the guard knows destinations that are called by TLS. */
const syslogAddress = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `https://${host.includes(':') ? `[${host}]` : host}:${port}`;

function present(part: object, fields: readonly string[], within: string): (readonly [string, string])[] {
  return Object.entries(part).flatMap(([field, value]) =>
    fields.includes(field) && typeof value === 'string' ? [[`${within}.${field}`, value] as const] : [],
  );
}
