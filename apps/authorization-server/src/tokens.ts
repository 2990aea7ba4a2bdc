/** What the controllers are given; factories are in the module. */
export const AUTHORIZATION_STEPS = Symbol('AuthorizationSteps');
export const BROWSER_BINDING = Symbol('BrowserBinding');
export const SIGN_IN = Symbol('SignIn');
export const CONFIGURATION = Symbol('ConfigurationReplica');
export const ENGINE = Symbol('AuthorizationEngine');
export const PUBLIC_KEYS = Symbol('PublicKeys');
export const RECORDER = Symbol('LifecycleRecorder');
export const STORE = Symbol('ArtifactStore');
export const ISSUER = Symbol('issuer');
export const LOGGER = Symbol('Logger');
