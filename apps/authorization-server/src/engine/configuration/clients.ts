import { DEVICE_CODE, OWN_CLIENTS } from '@sallyport/authorization/own-clients';
import type { Clock } from '@sallyport/kernel';
import { DPOP_ALGORITHMS } from '@sallyport/access-token';
import { errors, type Configuration } from 'oidc-provider';
import {
  CONFIDENTIAL_METHODS,
  CONTROL_PLANE_CLIENT_ID,
  normaliseClientMetadata,
  REGISTERED_BY,
} from '../client-metadata.js';
import type { SigningAlgorithm } from '../signing-key.js';

export interface ClientRules {
  readonly controlPlaneCallback: string;
  readonly signingAlgorithm: SigningAlgorithm;
  /** The administrator's list for clients that register themselves (R18). */
  readonly redirectHosts: () => readonly string[];
  readonly clock: Clock;
}

/** A client signs its assertion when it needs one. Each is remembered until it expires, so none may live longer. */
const CLIENT_ASSERTION_SECONDS = 3600;

/** Who may be a client (RFC 7591), and how a client authenticates (OAuth 2.1 section 2.4). */
export function clients({ controlPlaneCallback, signingAlgorithm, redirectHosts, clock }: ClientRules) {
  return {
    clients: [controlPlane(controlPlaneCallback), commandLine],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: signingAlgorithm,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    clientAuthMethods: ['none', ...CONFIDENTIAL_METHODS],
    enabledJWA: {
      idTokenSigningAlgValues: [signingAlgorithm],
      clientAuthSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'],
      dPoPSigningAlgValues: DPOP_ALGORITHMS,
    },
    assertJwtClientAuthClaimsAndHeader: (_ctx, { exp }) => {
      if (!(Number(exp) <= clock() / 1000 + CLIENT_ASSERTION_SECONDS))
        throw new errors.InvalidClientAuth({ detail: 'the client assertion is good for too long' });
    },
    extraClientMetadata: {
      properties: [REGISTERED_BY],
      validator: (ctx, _key, _value, metadata) =>
        normaliseClientMetadata(ctx, metadata, { redirectHosts, idTokenAlgorithm: signingAlgorithm }),
    },
    allowOmittingSingleRegisteredRedirectUri: false,
  } satisfies Configuration;
}

/** The pages of the control plane sign a browser in with it. */
const controlPlane = (callback: string) => ({
  client_id: CONTROL_PLANE_CLIENT_ID,
  client_name: 'Sallyport',
  redirect_uris: [callback],
  token_endpoint_auth_method: 'none' as const,
  grant_types: ['authorization_code'],
  response_types: ['code' as const],
});

/** The command line: it listens on loopback, at any port (RFC 8252 section 7.3). */
const commandLine = {
  client_id: OWN_CLIENTS.cli,
  client_name: 'Sallyport command line',
  redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
  application_type: 'native' as const,
  token_endpoint_auth_method: 'none' as const,
  grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
  response_types: ['code' as const],
};
