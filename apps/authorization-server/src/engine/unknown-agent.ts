import { mayFetchDocument, isDocumentUrl } from '@sallyport/authorization';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { DYNAMIC_PREFIX } from './client-metadata.js';
import type { EngineDecisions, UnknownAgent } from './engine.js';
import type { RegistrationIds } from './registration-ids.js';

const FORGOTTEN = 'this client is not registered here (any more): register again';

/** RFC 6749 section 4.1.2.1: there is nobody to redirect to. The page says why, and how to go on. */
export class AgentUnknown extends errors.InvalidClient {
  readonly unknown: UnknownAgent;

  constructor(unknown: UnknownAgent) {
    super(unknown.cause === 'document-refused' ? `client_id ${unknown.reason}` : FORGOTTEN, 'client not found');
    this.unknown = unknown;
  }
}

interface Parts {
  readonly ids: RegistrationIds;
  readonly decisions: Pick<EngineDecisions, 'registration' | 'documents'>;
}

/**
 * Refuses a client that nobody knows, by the cause. An agent that registered is told to register again (RFC 6749
 * section 5.2), which is what most do by themselves; of any other client the token endpoint says no more than of a
 * wrong secret.
 */
export function refuseUnknown(ctx: KoaContextWithOIDC, clientId: string, { ids, decisions }: Parts): void {
  if (ctx.path === '/authorize') throw new AgentUnknown(causeOf(clientId, { ids, decisions }));
  if (clientId.startsWith(DYNAMIC_PREFIX))
    throw Object.assign(new errors.InvalidClientAuth('client not found'), { error_description: FORGOTTEN });
}

/** @throws AgentUnknown where an administrator's rules, or the URL itself, keep its document from being read */
export function refuseDocument(
  ctx: KoaContextWithOIDC,
  clientId: string,
  { decisions }: Pick<Parts, 'decisions'>,
): void {
  const refused = documentRefused(clientId, decisions);
  if (refused && ctx.path === '/authorize') throw new AgentUnknown(refused);
}

const NOT_READ =
  'its document is not there, is too large or no JSON, or is at an address that this gateway may not call';

/** @returns what is thrown in place of an error about a client's document, where a person is to read it */
export function asUnusable(ctx: KoaContextWithOIDC | undefined, clientId: string, error: unknown): unknown {
  if (ctx?.path !== '/authorize' || !isDocumentUrl(clientId) || error instanceof AgentUnknown) return error;
  const isInvalid = error instanceof errors.InvalidClientMetadata;
  if (!isInvalid && !(error instanceof errors.InvalidClient)) return error;
  const reason = isInvalid ? (error.error_description ?? 'its document cannot be used') : NOT_READ;
  return new AgentUnknown({ cause: 'document-refused', clientId, reason, isRule: false });
}

function documentRefused(clientId: string, decisions: Parts['decisions']): UnknownAgent | undefined {
  const verdict = mayFetchDocument(clientId, decisions.documents());
  return verdict.accepted
    ? undefined
    : { cause: 'document-refused', clientId, reason: verdict.reason, isRule: verdict.isRule === true };
}

function causeOf(clientId: string, { ids, decisions }: Parts): UnknownAgent {
  const canRegister = decisions.registration.mode === 'open';
  const refused = isDocumentUrl(clientId) ? documentRefused(clientId, decisions) : undefined;
  if (refused) return refused;
  if (!clientId.startsWith(DYNAMIC_PREFIX)) return { cause: 'name-unknown', clientId, canRegister };
  const registeredAt = ids.madeAt(clientId);
  return registeredAt === undefined
    ? { cause: 'registered-elsewhere', clientId, canRegister }
    : { cause: 'registration-removed', clientId, canRegister, registeredAt };
}
