import { errors, type Client, type KoaContextWithOIDC } from 'oidc-provider';
import {
  applicationTypeFor,
  isDocumentUrl,
  MAX_REDIRECT_URIS,
  registrableRedirectUris,
  usableRedirectUris,
  validateClientDocument,
  validateRedirectUris,
  type AgentRegistration,
} from '@sallyport/authorization';
import { DEVICE_CODE, isForAdministrators, OWN_CLIENTS } from '@sallyport/authorization/own-clients';

/**
 * The one client that is ourselves: the control plane's pages sign a browser in with it. Shown no consent, given no
 * resource.
 */
export const CONTROL_PLANE_CLIENT_ID = OWN_CLIENTS.controlPlane;
export const isFirstParty = ({ clientId }: Pick<Client, 'clientId'>): boolean => clientId === CONTROL_PLANE_CLIENT_ID;

/** Carries how a client came to be known; set by us at every construction, whatever the client sent. */
export const REGISTERED_BY = 'registered_by';

/** Ways for a client to prove that it is the one that was registered. */
export const CONFIDENTIAL_METHODS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

/** RFC 7523 section 2.1: the grant of ID-JAG, for clients whose id and key or secret somebody vouches for. */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

const SUPPORTED_GRANTS = new Set(['authorization_code', 'refresh_token']);
/** Members that we do not use, and that would only make us fetch or store something. */
const IGNORED = [
  'scope',
  'sector_identifier_uri',
  'initiate_login_uri',
  'logo_uri',
  'default_acr_values',
  'default_max_age',
  'require_auth_time',
  'post_logout_redirect_uris',
  'contacts',
  'policy_uri',
  'tos_uri',
];

/** The prefix of the client ids we make. No name of an administrator's document has an underscore. */
export const DYNAMIC_PREFIX = 'dcr_';

export function registeredBy(clientId: string): AgentRegistration['registeredBy'] {
  if (clientId === CONTROL_PLANE_CLIENT_ID) return 'first-party';
  if (isForAdministrators(clientId)) return 'built-in';
  if (isDocumentUrl(clientId)) return 'document';
  return clientId.startsWith(DYNAMIC_PREFIX) ? 'dynamic' : 'administrator';
}

/**
 * Runs on every client the engine builds, from registration, a document or storage. Normalises what clients commonly
 * send, and refuses redirect URIs and documents our rules refuse.
 * @param rules `redirectHosts`: the administrator's list, applied when a client registers itself (R18);
 *   `idTokenAlgorithm`: what we sign with now, for every client and also for those that registered under another
 */
export function normaliseClientMetadata(
  context: KoaContextWithOIDC | undefined,
  metadata: Record<string, unknown>,
  { redirectHosts, idTokenAlgorithm }: { redirectHosts: () => readonly string[]; idTokenAlgorithm: string },
): void {
  const clientId = String(metadata['client_id']);
  const origin = registeredBy(clientId);
  metadata[REGISTERED_BY] = origin;
  metadata['response_modes'] = ['query'];
  metadata['id_token_signed_response_alg'] = idTokenAlgorithm;
  for (const name of IGNORED) delete metadata[name];
  // A document cannot hold a secret, so the default of RFC 7591 is not one of its own (the engine refused an explicit
  // one).
  if (origin === 'document' && metadata['token_endpoint_auth_method'] === 'client_secret_basic')
    metadata['token_endpoint_auth_method'] = 'none';
  if (Array.isArray(metadata['grant_types']))
    metadata['grant_types'] = metadata['grant_types'].filter(
      (grant: unknown) =>
        typeof grant !== 'string' ||
        SUPPORTED_GRANTS.has(grant) ||
        (origin === 'administrator' && grant === 'client_credentials') ||
        (origin === 'built-in' && grant === DEVICE_CODE) ||
        (grant === JWT_BEARER &&
          metadata['token_endpoint_auth_method'] !== 'none' &&
          (origin === 'administrator' || origin === 'document')),
    );

  const named = metadata['redirect_uris'];
  // Of anything else the engine's own validation says what is wrong.
  if (!Array.isArray(named) || !named.every((uri) => typeof uri === 'string')) return;
  if (origin === 'first-party' || (origin === 'administrator' && named.length === 0)) return;
  const redirectUris =
    context?.oidc.route === 'registration'
      ? mayRegister(named, redirectHosts())
      : origin === 'document'
        ? usableOf(named)
        : named;
  metadata['redirect_uris'] = redirectUris;
  metadata['application_type'] = applicationTypeFor(redirectUris);

  const verdict =
    origin === 'document' ? validateClientDocument(clientId, metadata) : validateRedirectUris(redirectUris);
  if (!verdict.accepted) throw new errors.InvalidClientMetadata(verdict.reason);
  const keys: unknown = metadata['jwks_uri'];
  if (keys !== undefined && !(typeof keys === 'string' && keys.startsWith('https://')))
    throw new errors.InvalidClientMetadata('jwks_uri: it must be an https URL');
}

/** The redirect URIs of a document that can be used; where none can, all of them, which are refused with the reason. */
function usableOf(uris: readonly string[]): readonly string[] {
  const usable = uris.length > MAX_REDIRECT_URIS ? [] : usableRedirectUris(uris);
  return usable.length > 0 ? usable : uris;
}

/** The redirect URIs that may register. A registration is refused only when none is left (RFC 7591 section 3.2.1). */
function mayRegister(uris: readonly string[], allowed: readonly string[]): readonly string[] {
  if (uris.length > MAX_REDIRECT_URIS) return uris; // which is refused as such
  const { accepted, refusal } = registrableRedirectUris(uris, allowed);
  if (refusal !== undefined) throw new errors.InvalidClientMetadata(`redirect_uris: ${refusal}`);
  return accepted;
}
