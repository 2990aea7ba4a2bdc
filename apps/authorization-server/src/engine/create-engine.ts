import type { JWK } from 'jose';
import type { Clock } from '@sallyport/kernel';
import type { Page } from '@sallyport/pages';
import { Provider, type Configuration } from 'oidc-provider';
import type { DocumentFetch } from '../limits/document-fetch.js';
import type { ArtifactStore } from '../storage/artifact-store.js';
import { registerAssertionGrant } from './assertion-grant.js';
import { authorizationResponses, returnPages } from './authorization-responses.js';
import { accounts } from './configuration/accounts.js';
import { clientDocuments, clientIdMetadataDocument } from './configuration/client-documents.js';
import { clients } from './configuration/clients.js';
import { cookieNames, cookies } from './configuration/cookies.js';
import { errorPages } from './configuration/error-pages.js';
import { features } from './configuration/features.js';
import { interactions } from './configuration/interactions.js';
import { INTERACTION_SECONDS, lifetimes } from './configuration/lifetimes.js';
import { refreshTokens } from './configuration/refresh-tokens.js';
import { isOwnedByEngine, routes } from './configuration/routes.js';
import { resourceIndicators, resourceServer, scopesAndClaims } from './configuration/scopes-and-resources.js';
import { deviceFlow, limitDevicePage, withoutCodesInLinks, type DevicePages } from './device-codes.js';
import { createEngineAdapter } from './engine-adapter.js';
import type { AuthorizationEngine, EngineDecisions, EngineEvents, RenderError, WayBack } from './engine.js';
import { GivenAnswers } from './given-answers.js';
import { interactionSteps } from './interaction-steps.js';
import {
  atomicReplayDetection,
  makeTokensWith,
  whenClientIsNamed,
  whenClientIsSought,
  whenParametersArrive,
  wrappedProvider,
} from './internals.js';
import { RequestAdmission } from './limit-requests.js';
import { OutageAnswers, type Outages } from './outage-answers.js';
import { OwnTokens } from './own-tokens.js';
import { publishMetadata } from './publish-metadata.js';
import { RefreshGrant } from './refresh-grant.js';
import { RefreshRotation } from './refresh-rotation.js';
import { guardRegistration } from './register-clients.js';
import { RegistrationIds } from './registration-ids.js';
import { reportEvents } from './report-events.js';
import { createResourceNames, withCanonicalResource, type Resources } from './resources.js';
import { signingKeyOf } from './signing-key.js';
import { answerForAccessTokens } from './structured-tokens.js';
import { TokenAdmission } from './token-admission.js';
import { toTrustedRequest } from './trusted-request.js';
import { asUnusable, refuseUnknown } from './unknown-agent.js';
import { answerUnreadKeys, asUnread } from './unread-documents.js';
import { presentWorkload, verifyWorkloads } from './workload-assertion.js';

export interface EngineOptions {
  readonly issuer: string;
  readonly resources: Resources;
  readonly controlPlaneCallback: string;
  /** The first one signs. */
  readonly signingKeys: readonly JWK[];
  readonly cookieKeys: readonly string[];
  /** 32 bytes, the same on every replica. */
  readonly dpopNonceSecret: Uint8Array;
  /** Marks codes and refresh tokens as ours; the same on every replica. */
  readonly tokenMarkKey: Uint8Array;
  /** Marks the ids of registrations as ours; the same on every replica. */
  readonly registrationMarkKey: Uint8Array;
  readonly store: ArtifactStore;
  /** Fetches the documents and key sets that agents name. */
  readonly documents: Pick<DocumentFetch, 'fetch' | 'isUnread' | 'refusal'>;
  readonly clock: Clock;
  readonly decisions: EngineDecisions;
  readonly events: EngineEvents;
  readonly renderError: RenderError;
  readonly renderReturn: (back: WayBack) => Page;
  readonly devicePages: DevicePages;
  /** Tells an outage of the store or the configuration from other errors, and answers it. */
  readonly unavailable: Outages;
}

/** OAuth 2.1 and what the MCP authorization specification adds to it: the engine does nothing beyond that. */
export function createEngine(options: EngineOptions): AuthorizationEngine {
  const { resources, decisions, events, renderError } = options;
  const parts = createParts(options);
  const { admission, refreshes, given, outages, showReturn } = parts;
  const provider = wrappedProvider(options.issuer, configure(options, parts), {
    refresh: (ctx, builtIn) => refreshes.handle(ctx, builtIn),
    answer: authorizationResponses({ given, decisions, renderError, showReturn }),
  });
  provider.proxy = true; // the forwarded headers are those that `toTrustedRequest` sets
  addOwnGrantsAndTokens(provider, options, parts);
  addChecks(provider, options, parts);
  addMiddleware(provider, options, parts);
  reportEvents(provider, { events, admission, refreshes, outages });

  const callback = provider.callback();
  const issuer = new URL(options.issuer);
  return {
    owns: isOwnedByEngine,
    handle: async (received, response, sourceIp) => {
      const request = await presentWorkload(received, decisions);
      await callback(toTrustedRequest(request, issuer, sourceIp), response);
      received.resume(); // what was not read of it would stand in the way of the connection's next request
    },
    ...interactionSteps(provider, { resources, ttlSeconds: INTERACTION_SECONDS, decisions, given }),
  };
}

type Parts = ReturnType<typeof createParts>;

/** What is made once per engine and used by several of the tables below. */
function createParts({ store, decisions, clock, resources, ...options }: EngineOptions) {
  const rotation = new RefreshRotation({
    store,
    repeatSeconds: () => decisions.lifetimes().refreshRepeat,
    placeOf: (grantId) => decisions.sessionPlace(grantId, Provider.ctx?.ip),
    now: () => Math.floor(clock() / 1000),
  });
  const ownTokens = new OwnTokens(options.tokenMarkKey);
  return {
    rotation,
    refreshes: new RefreshGrant({ rotation, resources, decisions }),
    admission: new TokenAdmission(decisions),
    registrationIds: new RegistrationIds(options.registrationMarkKey, clock),
    ownTokens,
    requests: new RequestAdmission(decisions, ownTokens),
    given: new GivenAnswers(store),
    outages: new OutageAnswers(options.unavailable),
    showReturn: returnPages(options.renderReturn),
    signing: signingKeyOf(options.signingKeys),
    isSecure: options.issuer.startsWith('https:'),
  };
}

/** What oidc-provider is told through the configuration it documents. */
function configure(options: EngineOptions, parts: Parts): Configuration {
  const { issuer, resources, decisions, documents, events, store, renderError } = options;
  const { admission, refreshes, rotation, signing, isSecure } = parts;
  return {
    adapter: createEngineAdapter({ store, rotation, decisions, events }),
    jwks: { keys: options.signingKeys },
    routes,
    responseTypes: ['code'],
    pkce: { required: () => true },
    ...clients({
      controlPlaneCallback: options.controlPlaneCallback,
      signingAlgorithm: signing.alg,
      redirectHosts: () => decisions.registration.redirectHosts,
      clock: options.clock,
    }),
    ...clientDocuments(documents),
    ...accounts({ decisions, admission }),
    ...interactions(decisions),
    ...scopesAndClaims(admission),
    ...refreshTokens({ admission, refreshes }),
    ...lifetimes(decisions),
    ...cookies({ keys: options.cookieKeys, isSecure }),
    ...errorPages({ issuer, renderError, decisions }),
    features: features({
      dpopNonceSecret: options.dpopNonceSecret,
      registrationIds: parts.registrationIds,
      decisions,
      deviceFlow: deviceFlow(options.devicePages),
      resourceIndicators: resourceIndicators({ resources, signing, decisions, admission }),
      clientIdMetadataDocument: clientIdMetadataDocument(documents, decisions),
    }),
  };
}

/** Grants and tokens that the engine does not have, or makes otherwise. */
function addOwnGrantsAndTokens(provider: Provider, options: EngineOptions, parts: Parts): void {
  const { decisions, store, clock } = options;
  const resource = options.resources.gateway;
  const { signing, admission, ownTokens } = parts;
  makeTokensWith(provider, () => ownTokens.make());
  atomicReplayDetection(provider, store, clock);
  verifyWorkloads(provider, decisions);
  registerAssertionGrant(provider, {
    resource,
    decisions,
    resourceServer: (scopes) => resourceServer(resource, scopes, { signing, decisions }),
    onVerdict: (ctx, verdict) => admission.admitAssertion(ctx, verdict),
  });
}

/** What is checked or changed on the way through every endpoint, in the order in which it happens. */
function addChecks(provider: Provider, { resources, decisions, documents }: EngineOptions, parts: Parts): void {
  const { requests, registrationIds: ids } = parts;
  const canonical = createResourceNames(resources);
  whenParametersArrive(provider, (parameters) => {
    if (parameters['resource'] !== undefined)
      parameters['resource'] = withCanonicalResource(parameters['resource'], canonical);
  });
  whenClientIsSought(provider, {
    before: (ctx, clientId) => requests.clientSought(ctx, clientId),
    unknown: (ctx, clientId) => refuseUnknown(ctx, clientId, { ids, decisions }),
    failed: async (ctx, clientId, error) => asUnusable(ctx, clientId, await asUnread(documents, ctx, clientId, error)),
  });
  whenClientIsNamed(provider, (ctx, client) => requests.clientFound(ctx, client));
}

/** What runs around every request, the outermost first. */
function addMiddleware(provider: Provider, options: EngineOptions, parts: Parts): void {
  const { issuer, decisions, documents, devicePages } = options;
  const { outages, requests, given, isSecure, showReturn } = parts;
  for (const middleware of [
    outages.around,
    requests.middleware,
    given.around({ resumeCookie: cookieNames(isSecure).resume, show: showReturn }),
    answerUnreadKeys(documents),
    guardRegistration(decisions),
    answerForAccessTokens(decisions),
    publishMetadata(issuer, decisions),
    withoutCodesInLinks,
    limitDevicePage(decisions, devicePages),
  ])
    provider.use(middleware);
}
