import { agentRoutes } from './agents.js';
import { auditRoutes } from './audit.js';
import { configurationRoutes } from './configuration.js';
import { connectionRoutes } from './connections.js';
import { changeSetRoutes, documentRoutes } from './documents.js';
import { callStatsRoutes } from './events/call-stats.js';
import { eventExportRoutes } from './events/event-export-routes.js';
import { eventRoutes } from './events/event-routes.js';
import { logStreamRoutes } from './log-streams.js';
import { revocationRoutes } from './revocations.js';
import { schemaRoutes } from './schemas.js';
import { selfRoutes } from './self.js';
import { signingKeyRoutes } from './signing-keys.js';
import { statusRoutes } from './status.js';
import { userRoutes } from './users.js';
import { vaultRoutes } from './vault.js';
import { verifyRoutes } from './verify.js';
import type { AnswerOf, CallOf, RequestOf } from './route.js';

/** Every route of the API, by the name of what it does. */
export const routes = {
  ...agentRoutes,
  ...auditRoutes,
  ...callStatsRoutes,
  ...changeSetRoutes,
  ...configurationRoutes,
  ...connectionRoutes,
  ...documentRoutes,
  ...eventExportRoutes,
  ...eventRoutes,
  ...logStreamRoutes,
  ...revocationRoutes,
  ...schemaRoutes,
  ...selfRoutes,
  ...signingKeyRoutes,
  ...statusRoutes,
  ...userRoutes,
  ...vaultRoutes,
  ...verifyRoutes,
} as const;
export type RouteName = keyof typeof routes;

/** By name, e.g. `Asked<'listEvents'>` is `{ query: { after?: bigint, … } }`. */
export type Asked<Name extends RouteName> = RequestOf<(typeof routes)[Name]>;
export type Answered<Name extends RouteName> = AnswerOf<(typeof routes)[Name]>;
export type Called<Name extends RouteName> = CallOf<(typeof routes)[Name]>;
