import { discoverOAuthServerInfo, extractWWWAuthenticateParams } from '@modelcontextprotocol/client';
import type { OutboundFetch } from '@sallyport/oauth';
import { discoverProtectedResource, discoverSignIn } from '@sallyport/oauth/discovery';
import type { Findings, SignIn } from '../findings.js';
import { said } from './read-tools.js';

const HOW = 'discovery as Sallyport does it (RFC 9728, RFC 8414)';
const HOW_BY_SDK = "discovery by the official SDK's client";

/**
 * Finds where users of a server sign in, as the control plane would when somebody connects.
 * @param wantsCredential without it a server that has no metadata is one that needs no sign-in: only one that refused
 * us may be of 2025-03-26, whose authorization server is at its origin
 */
export async function findSignIn(url: string, wantsCredential: boolean, fetch: OutboundFetch): Promise<SignIn> {
  const found = await discoverProtectedResource(url, fetch);
  if (found.type === 'absent' && !wantsCredential) return { how: HOW };
  if (found.type === 'failed') return { how: HOW, failure: { reason: found.reason, detail: found.detail } };
  const resource =
    found.type === 'found'
      ? {
          resource: found.resource.slice(0, 2_048),
          authorizationServers: found.authorizationServers.slice(0, 32).map((issuer) => issuer.slice(0, 2_048)),
          scopes: found.scopes.slice(0, 256).map((scope) => scope.slice(0, 256)),
        }
      : undefined;
  const signIn = await discoverSignIn({ serverUrl: url }, fetch);
  return {
    how: HOW,
    ...(resource === undefined ? {} : { resource }),
    ...(signIn.type === 'failed'
      ? { failure: { reason: signIn.reason, detail: signIn.detail } }
      : { authorizationServer: readAuthorizationServer(signIn.metadata) }),
  };
}

function readAuthorizationServer(metadata: {
  readonly issuer: string;
  readonly registration_endpoint?: string | undefined;
  readonly client_id_metadata_document_supported?: boolean | undefined;
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined;
}): NonNullable<SignIn['authorizationServer']> {
  return {
    issuer: metadata.issuer.slice(0, 2_048),
    registersDynamically: metadata.registration_endpoint !== undefined,
    takesMetadataDocuments: metadata.client_id_metadata_document_supported === true,
    authentications: (metadata.token_endpoint_auth_methods_supported ?? [])
      .slice(0, 32)
      .map((method) => method.slice(0, 64)),
  };
}

/** The same as an agent on the official SDK would. */
export async function findSignInBySdk(
  url: string,
  challenge: string | undefined,
  fetchFn: OutboundFetch,
): Promise<Findings['signInBySdk']> {
  try {
    const named =
      challenge === undefined
        ? undefined
        : extractWWWAuthenticateParams(new Response(null, { status: 401, headers: { 'www-authenticate': challenge } }));
    const info = await discoverOAuthServerInfo(url, {
      fetchFn,
      ...(named?.resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl: named.resourceMetadataUrl }),
    });
    const { authorizationServerMetadata: metadata, resourceMetadata } = info;
    return {
      how: HOW_BY_SDK,
      ...(resourceMetadata === undefined ? {} : { resource: resourceMetadata.resource.slice(0, 2_048) }),
      ...(metadata === undefined
        ? {}
        : {
            issuer: metadata.issuer.slice(0, 2_048),
            registersDynamically: metadata.registration_endpoint !== undefined,
          }),
    };
  } catch (error) {
    return { how: HOW_BY_SDK, said: said(error instanceof Error ? error.message : String(error)) };
  }
}
