import type { JWK } from 'jose';
import { createEngine } from '../engine/create-engine.js';
import type { EngineDecisions } from '../engine/engine.js';
import { RotatingEngine } from '../engine/rotating-engine.js';
import { deriveKey } from '../federation/browser-binding.js';
import { engineEvents } from '../lifecycle/engine-events.js';
import { engineErrorPage } from '../pages/engine-error-page.js';
import { devicePages } from '../pages/device-pages.js';
import { backToAgentPage } from '../pages/onward-pages.js';
import type { Outbound } from './create-outbound.js';
import type { Storage } from './create-storage.js';
import { resourcesOf, type Foundation } from './foundation.js';

interface EngineParts {
  readonly storage: Storage;
  readonly outbound: Outbound;
  readonly decisions: EngineDecisions;
  /** From which the keys of this server's replicas are derived. */
  readonly derivationSecret: Parameters<typeof deriveKey>[0];
  /** The first one signs. */
  readonly signingKeys: readonly JWK[];
}

/** The OAuth engine, made anew for each set of signing keys. */
export function createRotatingEngine(
  { config, recorder, logger, clock, unavailable }: Foundation,
  { storage: { store, sessions }, outbound: { documents }, decisions, derivationSecret, signingKeys }: EngineParts,
): RotatingEngine {
  const keyFor = (purpose: Parameters<typeof deriveKey>[1]) => deriveKey(derivationSecret, purpose);
  const options = {
    issuer: config.issuer,
    resources: resourcesOf(config),
    controlPlaneCallback: `${config.controlPlaneUrl}/session/callback`,
    cookieKeys: [Buffer.from(keyFor('engine-cookies')).toString('base64url')],
    dpopNonceSecret: keyFor('dpop-nonces'),
    tokenMarkKey: keyFor('token-marks'),
    registrationMarkKey: keyFor('registration-marks'),
    store,
    documents,
    clock,
    decisions,
    events: engineEvents(recorder.record, sessions, logger),
    renderError: engineErrorPage,
    renderReturn: backToAgentPage,
    devicePages,
    unavailable,
  };
  return new RotatingEngine((keys) => createEngine({ ...options, signingKeys: keys }), signingKeys);
}
