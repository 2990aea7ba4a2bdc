/**
 * The OAuth clients that are parts of Sallyport. No document declares them, and no `Agent` may have their names.
 * `controlPlane`: the pages sign a browser in with it, and it gets no resource. `cli` and `console`: what
 * administrators sign in with. They get tokens for the admin API and for nothing else.
 */
export const OWN_CLIENTS = {
  controlPlane: 'sallyport-control-plane',
  cli: 'sallyport-cli',
  console: 'sallyport-console',
} as const;

const all: ReadonlySet<string> = new Set(Object.values(OWN_CLIENTS));
export const isOwnClient = (clientId: string): boolean => all.has(clientId);

/** Whether this client is for administrators: its tokens are for the admin API, and no other user agent's are. */
export const isForAdministrators = (clientId: string): boolean =>
  clientId === OWN_CLIENTS.cli || clientId === OWN_CLIENTS.console;

/**
 * The device grant (RFC 8628), which only a client of ours has; and what stands where a redirect URI would: there is
 * none, because the client waits for its answer at the token endpoint. Nobody can register it.
 */
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
export const DEVICE_ANSWER = DEVICE_CODE;
