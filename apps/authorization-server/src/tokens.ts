/** What the controllers are given; factories are in the module. */
export const AUTHORIZATION_STEPS = Symbol('AuthorizationSteps');
export const BROWSER_BINDING = Symbol('BrowserBinding');
export const BACK_CHANNEL_LOGOUT = Symbol('BackChannelLogout');
export const SIGN_OUT = Symbol('SignOut');
export const SIGN_IN = Symbol('SignIn');
export const CONFIGURATION = Symbol('ConfigurationReplica');
export const ENGINE = Symbol('AuthorizationEngine');
export const PUBLIC_KEYS = Symbol('PublicKeys');
export const RECORDER = Symbol('LifecycleRecorder');
/** Removes what has expired; to be called now and then. */
export const HOUSEKEEPING = Symbol('housekeeping');
export const ISSUER = Symbol('issuer');
export const LOGGER = Symbol('Logger');
/** Reports ended sessions nobody heard of and checks sign-ins again; to be called every few seconds. */
export const KEEP_SESSIONS = Symbol('keepSessions');
export const SIGNING_KEY_KEEPER = Symbol('SigningKeyKeeper');
/** The pinned public key of the control plane, which signs the configuration and its commands. */
export const COMMAND_KEY = Symbol('commandKey');
export const CLOCK = Symbol('Clock');
export const SEALER = Symbol('Sealer');
export const SIGN_IN_EXCHANGES = Symbol('SignInExchanges');
export const REGISTRATIONS = Symbol('registrations');
