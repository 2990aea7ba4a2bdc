import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AgentRegistration } from '@sallyport/authorization';
import type { Page } from '@sallyport/pages';

/** How and when a user was authenticated, by the word of the trust provider. */
export interface Authentication {
  readonly userId: string;
  /** Seconds since the epoch. */
  readonly authTime: number;
  readonly acr: string | undefined;
  readonly amr: readonly string[];
}
/** A browser in which somebody signed in, by the engine's own session. */
export interface BrowserSession {
  readonly uid: string;
  readonly userId: string | undefined;
}
/** A user who came back from the trust provider to us. The provider may have authenticated them long before. */
export interface SignedIn extends Authentication {
  /** Seconds since the epoch, by our clock. A revocation of everything before a moment is compared with this. */
  readonly signedInAt: number;
  /** The id under which this sign-in is stored. */
  readonly identitySessionId: string;
}

/** An authorization request that waits for its user. */
export interface PendingAuthorization {
  readonly uid: string;
  readonly step: 'sign-in' | 'consent';
  readonly agent: AgentRegistration;
  /** `DEVICE_ANSWER` where nobody is redirected. */
  readonly redirectUri: string;
  /** As the agent requested them; empty when it requested none. */
  readonly requestedScopes: readonly string[];
  readonly authentication: SignedIn | undefined;
  /** The user signed in during this very request, not before. */
  readonly freshlySignedIn: boolean;
  /** Its code is bound to a key (`dpop_jkt`, RFC 9449 section 10), or its client gets key-bound tokens only. */
  readonly isKeyBound: boolean;
  /** The agent wants the consent page shown (OpenID Connect Core section 3.1.2.1). */
  readonly consentRequested: boolean;
  /** The user the agent expects to sign in (OpenID Connect Core section 3.1.2.1). It is a hint and decides nothing. */
  readonly loginHint: string | undefined;
}

/**
 * A token request whose code or refresh token, and grant, the engine found in order: what decides whether it is
 * admitted.
 */
export interface TokenRequest {
  readonly kind: 'code' | 'refresh' | 'machine' | 'assertion';
  readonly grantId: string;
  readonly clientId: string;
  /** RFC 7591 `token_endpoint_auth_method` as it is now: the metadata document may have changed since the consent. */
  readonly authMethod: string;
  /** The request proves a key, and what it gets will be bound to that (RFC 9449 section 5). */
  readonly isKeyBound: boolean;
  readonly authentication: Authentication;
  readonly sourceIp: string | null;
}
/** An agent requests a token for itself: for servers behind the gateway, or to administer. */
export interface MachineRequest extends Omit<TokenRequest, 'kind' | 'grantId' | 'authentication'> {
  readonly resource: 'gateway' | 'api';
}
export type TokenVerdict =
  | {
      readonly admitted: true;
      /** What may be in the token now, whatever was granted before (S4). */
      readonly scopes: ReadonlySet<string>;
      readonly claims: Readonly<Record<string, unknown>>;
      readonly subject: LifecycleSubject;
    }
  | {
      readonly admitted: false;
      /** For the trail, never for the agent. */
      readonly reason: string;
      readonly subject: LifecycleSubject;
      /** Nothing is wrong with the request: it may be repeated later, with the same token. */
      readonly retriable?: boolean;
    };
/** An identity provider's assertion about a user, presented by an agent that has authenticated. */
export interface AssertionRequest extends Pick<TokenRequest, 'sourceIp'> {
  readonly agent: AgentRegistration;
  readonly assertion: string;
  /** As the agent requested them; undefined when it means those of the assertion. */
  readonly requestedScopes: readonly string[] | undefined;
  /** Thumbprint of the key that the request proves (RFC 9449); undefined when it proves none. */
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
  /** From where a token was asked for. */
  readonly address?: string | undefined;
}

/** How agents register themselves (RFC 7591), as configured now. */
export interface RegistrationRules {
  readonly mode: 'off' | 'gated' | 'open';
  readonly redirectHosts: readonly string[];
  /** How long a registration stays to which no token was issued. */
  readonly unusedForSeconds: number;
  /**
   * @returns what `giveBack` takes when nothing came of it; undefined when this initial access token is good for
   *   nothing (more)
   */
  useToken(presented: string): Promise<string | undefined>;
  giveBack(use: string): Promise<void>;
  /** Makes room for one more registration. @returns how many were removed that nobody had used */
  makeRoom(): Promise<{ readonly unused: number }>;
  registered(registration: NewRegistration): Promise<void>;
  /**
   * A token is issued to this client.
   * @param newTo the user who has just let it in; undefined for one who did earlier
   */
  used(clientId: string, newTo: string | undefined): Promise<void>;
}
/** What an administrator is shown of a registration. */
export interface NewRegistration {
  readonly clientId: string;
  readonly name: string | undefined;
  readonly redirectHosts: readonly string[];
  readonly address: string;
}

/** What the engine asks of the rest of the server. */
export interface EngineDecisions {
  /** Every scope that any role gives. */
  scopesOfRoles(): readonly string[];
  /** Whether a scope means anything here. One that does not is ignored wherever it is requested. */
  isKnownScope(scope: string): boolean;
  readonly registration: RegistrationRules;
  documents(): {
    readonly enabled: boolean;
    readonly allowedHosts: readonly string[];
    readonly deniedHosts: readonly string[];
  };
  /** A client an administrator declared, as RFC 7591 metadata. */
  administeredAgent(clientId: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Whether this agent authenticates with a token that its platform issued to it. */
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
    readonly refreshRepeat: number;
  };
  /** The owner of a grant's agent session, and whether `address` is in the network it was last refreshed from. */
  sessionPlace(
    grantId: string,
    address: string | undefined,
  ): Promise<{ readonly subject: LifecycleSubject; readonly isSamePlace: boolean } | undefined>;
  userExists(userId: string): Promise<boolean>;
  /**
   * Whether their trust provider is still the one they signed in at. If not, their browser session no longer counts
   * (S1).
   */
  userIsVouchedFor(userId: string): Promise<boolean>;
  /** Whether a sign-in is from before its user was revoked. @param authTime seconds since the epoch */
  signInVoid(userId: string, authTime: number): boolean;
  /** Stores that a sign-in belongs to this browser. */
  signedInBrowser(identitySessionId: string, browserUid: string): Promise<void>;
  /** The sign-in of this browser; undefined when there is none, or it ended. */
  signInOfBrowser(browserUid: string): Promise<string | undefined>;
  /** An agent requests a token for itself (RFC 6749 section 4.4). `subject.userId` is the token's subject. */
  admitMachine(request: MachineRequest): Promise<TokenVerdict>;
  admitToken(request: TokenRequest): Promise<TokenVerdict>;
  /** Whether assertions are taken from any identity provider. */
  acceptsAssertions(): boolean;
  admitAssertion(request: AssertionRequest): Promise<AssertionVerdict>;
  /** The claims of an access token of ours that is good right now (RFC 7662 section 2.2), whoever asks. */
  liveToken(
    token: string,
  ): Promise<
    { readonly clientId: string; readonly sid: string; readonly claims: Readonly<Record<string, unknown>> } | undefined
  >;
  /**
   * The claims of a downstream token that is good right now and was made for the server that this client is; undefined
   * for any other token.
   */
  liveTokenFor(clientId: string, token: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  /** Whether the agent session of this grant is still alive. */
  grantIsLive(grantId: string): Promise<boolean>;
  endSession(sid: string, reason: string): Promise<void>;
  /** How many requests the endpoints take, and from whom (S32). */
  readonly limits: {
    admitUnproven(group: LimitedGroup, address: string): Refused;
    chargeUnproven(group: LimitedGroup): void;
    clientSpent(group: LimitedGroup, clientId: string): Refused;
    chargeClient(group: LimitedGroup, clientId: string): void;
    admitToken(digest: string): Refused;
    secretRefused(clientId: string, address: string, digest: string): Refused;
    secretTried(clientId: string, address: string, digest: string, isRight: boolean): void;
    admitUser(userId: string, clientId: string | undefined, grantId?: string): Refused;
    /** Reports that a registration nobody used was removed to make room. */
    registrationsFull(): void;
  };
}
type LimitedGroup = 'authorize' | 'token' | 'register' | 'status';
type Refused = { readonly retryAfterSeconds: number; readonly isCommon?: boolean } | undefined;

/** What the engine reports to the rest of the server. None of it may throw. */
export interface EngineEvents {
  /** @param said.leftOut redirect URIs that were asked for and not registered */
  registered(agent: AgentRegistration, said: { readonly leftOut: readonly string[]; readonly address: string }): void;
  tokenIssued(kind: TokenRequest['kind'], subject: LifecycleSubject, scopes: string): void;
  tokenRefused(subject: LifecycleSubject, error: string, reason: string | undefined): void;
  grantRevoked(grantId: string, clientId: string | undefined, cause: string): void;
  failed(error: unknown): void;
}

/** The OAuth engine in our own words. Everything that knows oidc-provider is in this folder. */
export interface AuthorizationEngine {
  /** True for a path that the engine answers itself: it takes the raw request, before anything reads the body. */
  owns(path: string): boolean;
  /** @param sourceIp the peer, or what a listed proxy says about it */
  handle(request: IncomingMessage, response: ServerResponse, sourceIp: string): Promise<void>;
  /**
   * The pending request this browser's interaction cookie names; undefined when there is none (any more).
   * @throws SallyportError `agent_not_now`: its agent's document cannot be fetched for the moment
   */
  pending(
    request: IncomingMessage,
    response: ServerResponse,
    sourceIp: string,
  ): Promise<PendingAuthorization | undefined>;
  /**
   * Each returns where to send the browser next.
   * @throws SallyportError `interaction_gone`: it was answered, or expired, meanwhile
   */
  signedIn(request: IncomingMessage, response: ServerResponse, authentication: SignedIn): Promise<string>;
  /** Mints a grant for this authorization alone (S4). */
  grant(
    request: IncomingMessage,
    response: ServerResponse,
    grant: { userId: string; clientId: string; scopes: readonly string[]; onGrant: (grantId: string) => Promise<void> },
  ): Promise<string>;
  /** `onRefusal`: run where this press decides, and not where another one did before. */
  refuse(
    request: IncomingMessage,
    response: ServerResponse,
    refusal: { readonly description: string; readonly onRefusal: () => void },
  ): Promise<string>;
  /**
   * What the agent was told a moment ago in answer to this request, which is over. Show it to nobody but its browser.
   */
  answered(uid: string): Promise<WayBack | undefined>;
  /** The session of this browser, by the engine's own cookie; undefined when nobody is signed in there. */
  browserSession(request: IncomingMessage, response: ServerResponse): Promise<BrowserSession | undefined>;
}

/** RFC 6749 section 4.1.2.1, where no redirect is possible. */
export interface EngineError {
  readonly error: string;
  readonly error_description?: string | undefined;
  /** The agent that asked is not known here. */
  readonly unknown?: UnknownAgent | undefined;
  /** Where the agent wanted its answer. Nobody has checked it. */
  readonly redirectUri?: string | undefined;
}
/**
 * Why an agent is not known (any more). `canRegister`: it could, by itself, if it forgot what it has; `registeredAt`:
 * in seconds; `reason`: why its document is not read; `isRule`: because of an administrator's rule.
 */
export type UnknownAgent =
  | {
      readonly cause: 'registration-removed';
      readonly clientId: string;
      readonly canRegister: boolean;
      readonly registeredAt: number;
    }
  | {
      readonly cause: 'registered-elsewhere' | 'name-unknown';
      readonly clientId: string;
      readonly canRegister: boolean;
    }
  | {
      readonly cause: 'document-refused';
      readonly clientId: string;
      readonly reason: string;
      readonly isRule: boolean;
    };
/** Where an authorization response would go, for the page that leads there. */
export interface WayBack {
  readonly agent: AgentRegistration;
  readonly redirectUri: string;
  /** The redirect URI with the authorization response in it. */
  readonly href: string;
}
export type RenderError = (error: EngineError, back?: WayBack) => Page;
