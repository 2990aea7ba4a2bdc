import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AgentRegistration } from '@sallyport/authorization';

/** How and when the human was authenticated, as the trust provider said. */
export interface Authentication {
  readonly userId: string;
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
}
/** The browser a request came from, as the engine knows it. */
export interface BrowserSession {
  readonly uid: string;
  readonly userId: string | undefined;
}
/** A human who came back from the trust provider to us; the provider may have authenticated them long before. */
export interface SignedIn extends Authentication {
  /** Seconds since the epoch, by our clock: what counts when everything until a moment was revoked. */
  readonly signedInAt: number;
  /** What was written down of this sign-in. */
  readonly identitySessionId: string;
}

/** An authorization request that waits for a human. */
export interface PendingAuthorization {
  readonly uid: string;
  readonly step: 'sign-in' | 'consent';
  readonly agent: AgentRegistration;
  readonly redirectUri: string;
  /** As asked for, empty when nothing was. */
  readonly requestedScopes: readonly string[];
  readonly authentication: SignedIn | undefined;
  /** The human signed in during this very request, not before. */
  readonly freshlySignedIn: boolean;
  /** Its code is bound to a key by name (RFC 9449 section 10), or its client gets no token that is not. */
  readonly isKeyBound: boolean;
  /** The agent wants the consent page shown (OpenID Connect Core section 3.1.2.1). */
  readonly consentRequested: boolean;
  /** Whom the agent expects to sign in (OpenID Connect Core section 3.1.2.1); only ever a hint. */
  readonly loginHint: string | undefined;
}

/** What is needed to say yes or no to a token request, after the engine found code or refresh token and grant in order. */
export interface TokenRequest {
  readonly kind: 'code' | 'refresh' | 'machine' | 'assertion';
  readonly grantId: string;
  readonly clientId: string;
  /** RFC 7591 `token_endpoint_auth_method` as it is now: a metadata document may have changed since the consent. */
  readonly authMethod: string;
  /** The request proves a key, and what it gets will be bound to that (RFC 9449 section 5). */
  readonly isKeyBound: boolean;
  readonly authentication: Authentication;
  readonly sourceIp: string | null;
}
export type TokenVerdict =
  | {
      readonly admitted: true;
      /** What may be in the token now, whatever was granted before (S4). */ readonly scopes: ReadonlySet<string>;
      readonly claims: Readonly<Record<string, unknown>>;
      readonly subject: LifecycleSubject;
    }
  | {
      readonly admitted: false;
      /** For the trail, never for the agent. */ readonly reason: string;
      readonly subject: LifecycleSubject;
      /** Nothing is wrong with the request: it may be repeated later, with the same token. */ readonly retriable?: boolean;
    };
/** An identity provider's assertion about a human and the agent that shows it, which has authenticated. */
export interface AssertionRequest extends Pick<TokenRequest, 'sourceIp'> {
  readonly agent: AgentRegistration;
  readonly assertion: string;
  /** As asked for; undefined when the assertion's own were meant. */
  readonly requestedScopes: readonly string[] | undefined;
  /** Thumbprint of the key the request proves. */
  readonly provenKey: string | undefined;
}
export type AssertionVerdict =
  | {
      readonly admitted: true;
      readonly userId: string;
      readonly grantId: string;
      readonly scopes: ReadonlySet<string>;
      readonly claims: Readonly<Record<string, unknown>>;
      readonly subject: LifecycleSubject;
    }
  | {
      readonly admitted: false;
      readonly error: 'invalid_grant' | 'invalid_target';
      readonly reason: string;
      readonly subject: LifecycleSubject;
    };
export interface LifecycleSubject {
  readonly userId?: string | undefined;
  readonly trustProvider?: string | undefined;
  readonly clientId?: string | undefined;
  readonly agentName?: string | undefined;
  readonly sid?: string | undefined;
}

/** Registration of agents by themselves (RFC 7591), as configured now. */
export interface RegistrationRules {
  readonly mode: 'off' | 'gated' | 'open';
  readonly redirectHosts: readonly string[];
  /** How long one stays to which no token was issued. */
  readonly unusedForSeconds: number;
  /** @returns what `giveBack` takes when nothing came of it; undefined when this initial access token is good for nothing (more) */
  useToken(presented: string): Promise<string | undefined>;
  giveBack(use: string): Promise<void>;
  /** For one more; however many there are, some make room. @returns how many went that nobody had used */
  makeRoom(): Promise<{ readonly unused: number }>;
  registered(registration: NewRegistration): Promise<void>;
  /** A token is issued to it. @param newTo a user who has just let it in; undefined for one who did before */
  used(clientId: string, newTo: string | undefined): Promise<void>;
}
/** What is kept of a registration for those who look after them. */
export interface NewRegistration {
  readonly clientId: string;
  readonly name: string | undefined;
  readonly redirectHosts: readonly string[];
  readonly address: string;
}

/** What the engine asks of the rest of the server. */
export interface EngineDecisions {
  /** Every scope any role gives. */
  knownScopes(): readonly string[];
  readonly registration: RegistrationRules;
  documents(): {
    readonly enabled: boolean;
    readonly allowedHosts: readonly string[];
    readonly deniedHosts: readonly string[];
  };
  /** A client an administrator declared, as RFC 7591 metadata. */
  administeredAgent(clientId: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Whether this agent proves itself with a token that its platform issued to it. */
  isWorkload(clientId: string): boolean;
  /** @returns undefined for an agent that authenticates in another way; `reason` is for the trail */
  verifyWorkload(
    clientId: string,
    token: string,
  ): Promise<{ readonly accepted: true } | { readonly accepted: false; readonly reason: string } | undefined>;
  /** Seconds. */
  lifetimes(): {
    readonly accessToken: number;
    readonly machineToken: number;
    readonly sessionIdle: number;
    readonly session: number;
  };
  userExists(userId: string): Promise<boolean>;
  /** Their trust provider is still the one they signed in at; else a browser session of theirs counts no more (S1). */
  userIsVouchedFor(userId: string): Promise<boolean>;
  /** A browser session made before the user was revoked does not count. */
  signInVoid(userId: string, authTime: number): boolean;
  /** A sign-in now belongs to this browser. */
  signedInBrowser(identitySessionId: string, browserUid: string): Promise<void>;
  /** The sign-in a browser stands for now; undefined when there is none, or it ended. */
  signInOfBrowser(browserUid: string): Promise<string | undefined>;
  /** An agent without a human asks for a token (RFC 6749 section 4.4). `subject.userId` is the token's subject. */
  admitMachine(request: Omit<TokenRequest, 'kind' | 'grantId' | 'authentication'>): Promise<TokenVerdict>;
  admitToken(request: TokenRequest): Promise<TokenVerdict>;
  /** Whether any identity provider's assertions are taken at all. */
  acceptsAssertions(): boolean;
  admitAssertion(request: AssertionRequest): Promise<AssertionVerdict>;
  /** An access token of ours that is good right now (RFC 7662 section 2.2), whoever asks. */
  liveToken(
    token: string,
  ): Promise<
    { readonly clientId: string; readonly sid: string; readonly claims: Readonly<Record<string, unknown>> } | undefined
  >;
  /** Claims of a downstream token that is good right now and was made for the server this client is; undefined of any other. */
  liveTokenFor(clientId: string, token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Whether anything can still come of the agent session a grant belongs to. */
  grantIsLive(grantId: string): Promise<boolean>;
  endSession(sid: string, reason: string): Promise<void>;
  /** What the endpoints take (security rule S32). */
  readonly limits: {
    admitUnproven(group: LimitedGroup, address: string): Refused;
    chargeUnproven(group: LimitedGroup): void;
    clientSpent(group: LimitedGroup, clientId: string): Refused;
    chargeClient(group: LimitedGroup, clientId: string): void;
    admitToken(digest: string): Refused;
    secretRefused(clientId: string, address: string, digest: string): Refused;
    secretTried(clientId: string, address: string, digest: string, isRight: boolean): void;
    admitUser(userId: string, clientId: string | undefined, grantId?: string): Refused;
    /** There were too many registrations: one that nobody used made room. */
    registrationsFull(): void;
  };
}
type LimitedGroup = 'authorize' | 'token' | 'register' | 'status';
type Refused = { readonly retryAfterSeconds: number; readonly isCommon?: boolean } | undefined;

/** What the engine tells the rest of the server; none of it may throw. */
export interface EngineEvents {
  registered(agent: AgentRegistration): void;
  tokenIssued(kind: TokenRequest['kind'], subject: LifecycleSubject, scopes: string): void;
  tokenRefused(subject: LifecycleSubject, error: string, reason: string | undefined): void;
  grantRevoked(grantId: string, clientId: string | undefined, cause: string): void;
  failed(error: unknown): void;
}

/** The OAuth engine behind our own words. Everything that knows oidc-provider is in this folder. */
export interface AuthorizationEngine {
  /** True for paths the engine answers itself: hand it the raw request before anything reads the body. */
  owns(path: string): boolean;
  /** @param sourceIp the peer, or what a listed proxy says about it */
  handle(request: IncomingMessage, response: ServerResponse, sourceIp: string): Promise<void>;
  /** The pending request this browser's interaction cookie names; undefined when there is none (any more). */
  pending(request: IncomingMessage, response: ServerResponse): Promise<PendingAuthorization | undefined>;
  /** Each returns where to send the browser next. */
  signedIn(request: IncomingMessage, response: ServerResponse, authentication: SignedIn): Promise<string>;
  /** Mints a grant of its own for this authorization (S4). */
  grant(
    request: IncomingMessage,
    response: ServerResponse,
    grant: { userId: string; clientId: string; scopes: readonly string[]; onGrant: (grantId: string) => Promise<void> },
  ): Promise<string>;
  refuse(request: IncomingMessage, response: ServerResponse, description: string): Promise<string>;
  /** Whose browser this is, by the engine's own cookie; undefined when nobody is signed in there. */
  browserSession(request: IncomingMessage, response: ServerResponse): Promise<BrowserSession | undefined>;
}

/** RFC 6749 section 4.1.2.1, where no redirect is possible. */
export interface EngineError {
  readonly error: string;
  readonly error_description?: string | undefined;
}
/** Where an answer would go that nobody has agreed to: the page says so, and sends nobody there by itself. */
export interface WayBack {
  readonly agent: AgentRegistration;
  readonly redirectUri: string;
  /** The same with the answer in it. */
  readonly href: string;
}
export type RenderError = (
  error: EngineError,
  back?: WayBack,
) => { readonly html: string; readonly contentSecurityPolicy: string };
