import { SecretSource } from '@sallyport/configuration';
import type { CredentialAddOns, CredentialProviderSpec, Document, DocumentOf } from '@sallyport/configuration';
import type { z } from 'zod';

export interface DocumentSecret {
  /** `<Kind>/<name>/<field>`: the name it is stored under, and what its seal is bound to. */
  readonly name: string;
  /** Into the whole document. */
  readonly path: readonly string[];
  readonly source: z.infer<typeof SecretSource>;
}

/** The secrets a document refers to. A field's own name is enough in the stored name: no kind has it twice. */
export function secretSourcesOf(document: Document): DocumentSecret[] {
  const field: Field = (path, source) =>
    source ? [{ name: `${document.kind}/${document.name}/${path.at(-1) ?? ''}`, path: ['spec', ...path], source }] : [];
  switch (document.kind) {
    case 'TrustProvider':
      return [...field(['clientSecret'], document.spec.clientSecret), ...field(['clientKey'], document.spec.clientKey)];
    case 'CredentialProvider':
      return [...ownSecretsOf(document.spec, field), ...addOnSecretsOf(document.spec, field)];
    case 'Webhook':
      return field(['signingSecret'], document.spec.signingSecret);
    case 'LogStream':
      return sinkSecretsOf(document.spec.sink, (path, source) => field(['sink', ...path], source));
    case 'Agent':
      return document.spec.authentication.method === 'client_secret'
        ? field(['authentication', 'clientSecret'], document.spec.authentication.clientSecret)
        : [];
    default:
      return [];
  }
}

type Field = (path: string[], source: z.infer<typeof SecretSource> | undefined) => DocumentSecret[];

function ownSecretsOf(spec: CredentialProviderSpec, field: Field): DocumentSecret[] {
  if (spec.type === 'static') return field(['secret'], spec.secret);
  if (
    spec.type === 'client-credentials' ||
    spec.type === 'oauth-user' ||
    spec.type === 'oauth-shared' ||
    spec.type === 'token-exchange' ||
    spec.type === 'id-jag'
  ) {
    const { client } = spec;
    if (client === undefined || client.authentication === 'none') return [];
    return client.authentication === 'private_key_jwt'
      ? field(['client', 'clientKey'], client.clientKey)
      : field(['client', 'clientSecret'], client.clientSecret);
  }
  return spec.type === 'mcp-user-oauth' ? field(['client', 'clientSecret'], spec.client?.clientSecret) : [];
}

function addOnSecretsOf({ clientCertificate, requestSigning }: CredentialAddOns, field: Field): DocumentSecret[] {
  return [
    ...field(['clientCertificate', 'certificate'], clientCertificate?.certificate),
    ...field(['clientCertificate', 'privateKey'], clientCertificate?.privateKey),
    ...field(['requestSigning', 'signingKey'], requestSigning?.signingKey),
  ];
}

function sinkSecretsOf(
  { webhook, syslog, otlp, splunkHec, s3 }: DocumentOf<'LogStream'>['spec']['sink'],
  field: Field,
): DocumentSecret[] {
  return [
    ...field(['webhook', 'signingSecret'], webhook?.signingSecret),
    ...field(['syslog', 'clientCertificate', 'certificate'], syslog?.clientCertificate?.certificate),
    ...field(['syslog', 'clientCertificate', 'privateKey'], syslog?.clientCertificate?.privateKey),
    ...field(['otlp', 'credential', 'secret'], otlp?.credential?.secret),
    ...field(['splunkHec', 'token'], splunkHec?.token),
    ...field(['s3', 'secretAccessKey'], s3?.secretAccessKey),
  ];
}
