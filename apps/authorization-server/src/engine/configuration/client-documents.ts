import { Provider, type Configuration } from 'oidc-provider';
import { mayFetchDocument } from '@sallyport/authorization';
import type { DocumentFetch } from '../../limits/document-fetch.js';
import { withoutEmptyMembers } from '../empty-members.js';
import type { EngineDecisions } from '../engine.js';
import { addressOf } from '../internals.js';
import { TooManyRequests } from '../limit-requests.js';
import { refuseDocument } from '../unknown-agent.js';

const DOCUMENT_BYTES = 5 * 1024;
const KEY_SET_BYTES = 64 * 1024;

/** How the metadata documents and key sets of clients are fetched, and how large they may be. */
export function clientDocuments(documents: Pick<DocumentFetch, 'fetch'>) {
  return {
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      const response = await documents.fetch(url, init, {
        clientId: Provider.ctx?.oidc.client?.clientId ?? url,
        address: addressOf(Provider.ctx),
      });
      return withoutEmptyMembers(onlyJson(response), DOCUMENT_BYTES);
    },
    fetchResponseBodyLimits: {
      'client_id metadata document': DOCUMENT_BYTES,
      jwks_uri: KEY_SET_BYTES,
      sector_identifier_uri: 1024,
    },
  } satisfies Configuration;
}

/**
 * Client ID Metadata Documents: a client whose id is the URL of its metadata, where the administrator's rules allow it.
 */
export function clientIdMetadataDocument(
  documents: Pick<DocumentFetch, 'refusal'>,
  decisions: Pick<EngineDecisions, 'registration' | 'documents'>,
) {
  return {
    enabled: true,
    ack: 'draft-02',
    cacheDuration: { min: 30, max: 3600 },
    allowFetch: async (ctx, clientId) => {
      refuseDocument(ctx, clientId, { decisions });
      if (!mayFetchDocument(clientId, decisions.documents()).accepted) return false;
      const refusal = await documents.refusal(clientId, { clientId, address: addressOf(ctx) });
      if (refusal) throw new TooManyRequests(ctx, refusal);
      return true;
    },
    // Checked for a cached document too: the administrator may have changed the rules since it was fetched.
    allowClient: (ctx, client) => {
      if (ctx) refuseDocument(ctx, client.clientId, { decisions });
      return mayFetchDocument(client.clientId, decisions.documents()).accepted;
    },
  } satisfies NonNullable<Configuration['features']>['clientIdMetadataDocument'];
}

/** Refuses a document or key set that is not served as JSON: a host that serves its users' uploads vouches for none. */
function onlyJson(response: Response): Response {
  const type = response.headers.get('content-type') ?? '';
  return response.status !== 200 || /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i.test(type)
    ? response
    : new Response(null, { status: 415 });
}
