/** What the controllers ask Nest for; the module says what each gets. */
export const AUTHORIZATION_STEPS = Symbol('AuthorizationSteps');
export const BACK_CHANNEL_LOGOUT = Symbol('BackChannelLogout');
export const BROWSER_BINDING = Symbol('BrowserBinding');
export const CONFIGURATION = Symbol('ConfigurationReplica');
export const ISSUER = Symbol('issuer');
export const LOGGER = Symbol('Logger');
export const PUBLIC_KEYS = Symbol('PublicKeys');
export const RECORDER = Symbol('BusTrail');
export const SIGN_IN = Symbol('SignIn');
export const SIGN_OUT = Symbol('SignOut');
