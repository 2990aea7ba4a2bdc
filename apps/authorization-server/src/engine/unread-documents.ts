import { isDocumentUrl } from '@sallyport/authorization';
import { errors, type Client, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { DocumentFetch } from '../limits/document-fetch.js';
import { errorOf } from './structured-tokens.js';
import { AgentUnknown } from './unknown-agent.js';

const ERROR = 'temporarily_unavailable';
/** For how long a failure is remembered. */
const RETRY_SECONDS = 30;
/** The page for people is chosen by these words. */
export const DOCUMENT_UNREAD = 'what this client publishes about itself cannot be read now: try again later';

/**
 * The host of a client's metadata document or key set is away: nothing is known to be wrong with the client, which
 * would throw its tokens away for an `invalid_client` (RFC 6749 section 5.2, RFC 9110 section 15.6.4).
 */
export class DocumentUnread extends errors.OIDCProviderError {
  /** @param ctx undefined outside a request to the engine */
  constructor(ctx: Pick<KoaContextWithOIDC, 'set'> | undefined, cause: unknown) {
    super(503, ERROR);
    this.expose = true;
    this.error_description = DOCUMENT_UNREAD;
    this.error_detail = cause instanceof Error ? cause.message : String(cause);
    ctx?.set('Retry-After', String(RETRY_SECONDS));
  }
}

/** @returns what is thrown instead when a client could not be found because its document cannot be read now */
export async function asUnread(
  documents: Pick<DocumentFetch, 'isUnread'>,
  ctx: KoaContextWithOIDC | undefined,
  clientId: string,
  error: unknown,
): Promise<unknown> {
  const isFailure =
    !(error instanceof AgentUnknown) &&
    (error instanceof errors.InvalidClient || error instanceof errors.InvalidClientMetadata);
  return isFailure && isDocumentUrl(clientId) && (await documents.isUnread(clientId, clientId))
    ? new DocumentUnread(ctx, error)
    : error;
}

/** Middleware: a client whose keys cannot be read now is asked to come back, not refused. */
export function answerUnreadKeys(documents: Pick<DocumentFetch, 'isUnread'>): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    await next();
    const { client, params } = (ctx['oidc'] as KoaContextWithOIDC['oidc'] | undefined) ?? {};
    if (errorOf(ctx.body) !== 'invalid_client' || params?.['client_assertion'] === undefined) return;
    const keys = jwksUriOf(client);
    if (client === undefined || keys === undefined || !(await documents.isUnread(keys, client.clientId))) return;
    ctx.remove('WWW-Authenticate');
    ctx.status = 503;
    ctx.set('Retry-After', String(RETRY_SECONDS));
    ctx.body = { error: ERROR, error_description: DOCUMENT_UNREAD };
  };
}

function jwksUriOf(client: Client | undefined): string | undefined {
  const uri: unknown = client?.jwksUri;
  return typeof uri === 'string' && URL.canParse(uri) ? new URL(uri).href : undefined;
}
