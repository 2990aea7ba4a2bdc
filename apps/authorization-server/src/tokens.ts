/** What the controllers are given; factories are in the module. */
export const AUTHORIZATION_STEPS = Symbol('AuthorizationSteps');
export const BROWSER_BINDING = Symbol('BrowserBinding');
export const SIGN_IN = Symbol('SignIn');
export const CONFIGURATION = Symbol('ConfigurationReplica');
export const ENGINE = Symbol('AuthorizationEngine');
export const PUBLIC_KEYS = Symbol('PublicKeys');
export const RECORDER = Symbol('LifecycleRecorder');
/** Removes what has expired; to be called now and then. */
export const HOUSEKEEPING = Symbol('housekeeping');
export const ISSUER = Symbol('issuer');
export const LOGGER = Symbol('Logger');
export const KEEP_KEYS = Symbol('keepKeys');
