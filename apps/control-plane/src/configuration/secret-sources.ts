import { SecretSource } from '@sallyport/configuration';
import type { Document } from '@sallyport/configuration';
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
  const field = (path: string[], source: z.infer<typeof SecretSource> | undefined): DocumentSecret[] =>
    source ? [{ name: `${document.kind}/${document.name}/${path.at(-1) ?? ''}`, path: ['spec', ...path], source }] : [];
  switch (document.kind) {
    case 'TrustProvider':
      return [...field(['clientSecret'], document.spec.clientSecret), ...field(['clientKey'], document.spec.clientKey)];
    case 'CredentialProvider':
      if (document.spec.type === 'static') return field(['secret'], document.spec.secret);
      if (document.spec.type === 'client-credentials' || document.spec.type === 'oauth-user') {
        const { client } = document.spec;
        if (client.authentication === 'none') return [];
        return client.authentication === 'private_key_jwt' ? field(['client', 'clientKey'], client.clientKey) : field(['client', 'clientSecret'], client.clientSecret);
      }
      return document.spec.type === 'mcp-user-oauth' ? field(['client', 'clientSecret'], document.spec.client?.clientSecret) : [];
    case 'Agent':
      return document.spec.authentication.method === 'client_secret' ? field(['authentication', 'clientSecret'], document.spec.authentication.clientSecret) : [];
    default:
      return [];
  }
}
