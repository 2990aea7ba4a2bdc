import { DEVICE_AUTHORIZATION_PATH, DEVICE_PATH } from '../device-paths.js';
import { INTROSPECTION_PATH, REVOCATION_PATH } from '../structured-tokens.js';

/** Where the engine answers. Its key set is not published: `/jwks` is ours, and holds keys of earlier engines too. */
export const routes = {
  authorization: '/authorize',
  token: '/token',
  jwks: '/engine/jwks',
  registration: '/register',
  revocation: REVOCATION_PATH,
  introspection: INTROSPECTION_PATH,
  pushed_authorization_request: '/par',
  device_authorization: DEVICE_AUTHORIZATION_PATH,
  code_verification: DEVICE_PATH,
};

const OWNED = new RegExp(
  [
    '^/(?:authorize(?:/[A-Za-z0-9_-]+)?',
    'token',
    'register(?:/[A-Za-z0-9_-]+)?',
    'revoke',
    'introspect',
    'par',
    'device(?:/[A-Za-z0-9_-]+)?',
    '\\.well-known/(?:oauth-authorization-server|openid-configuration))$',
  ].join('|'),
);

/** The route of a path that the engine answers, without what names one interaction, client or code. */
export const engineRouteOf = (path: string): string | undefined =>
  isOwnedByEngine(path) ? (path.startsWith('/.well-known/') ? path : path.split('/').slice(0, 2).join('/')) : undefined;

/** True for a path that the engine answers itself, its metadata (RFC 8414) included. */
export const isOwnedByEngine = (path: string): boolean => OWNED.test(path);
