import { isDatabaseOutage } from '@sallyport/database';
import { BytesInFlight, Unavailable } from '@sallyport/http';
import { closeNestApp, createNestApp, listenerOf } from '@sallyport/http/nest';
import { degraded, keepCertificate } from '@sallyport/process';
import { accessOf } from '../admin/access.js';
import { administratorsFirst } from '../admin/administrators-first.js';
import { answerRepetitions } from '../admin/answer-repetitions.js';
import { IdempotentAnswers } from '../admin/idempotent-answers.js';
import { AdministrationRecords } from '../admin/record-administration.js';
import { resourceMetadataUrlOf } from '../admin/resource-metadata.controller.js';
import { bodyLimitOf } from '../admin/body-limit.js';
import { guardByPermission } from '../admin/permission-guard.js';
import { tellRevision } from '../admin/tell-revision.js';
import { DocumentReader } from '../configuration/change-sets/document-reader.js';
import { PostgresDocumentStore } from '../configuration/document-store.js';
import { ControlPlaneModule } from '../control-plane.module.js';
import type { CredentialParts } from '../credentials/connections/create-credential-parts.js';
import { unavailablePage } from '../pages/unavailable-page.js';
import type { PostgresRevocationStore } from '../revocation/revocation-store.js';
import type { Revoker } from '../revocation/revoke.js';
import { SigningKeyList } from '../signing-keys/signing-key-list.js';
import type { KnownReplicas } from '../status/known-replicas.js';
import type { AuditContext } from '../trail/chain/audit.controller.js';
import type { observeIngest } from '../trail/observe-ingest.js';
import { createVerifyContext } from './create-verify-context.js';
import type { Foundation } from './foundation.js';
import { apiOf, openAdministrators } from './open-administrators.js';
import type { ConfigurationParts } from './open-configuration.js';
import { openReading, type TrailReading } from './open-reading.js';
import type { LogStreamParts } from './serve-log-streams.js';

/** Of all bodies under `/v1/` together. */
const MAX_ADMINISTRATION_IN_FLIGHT = 64 * 1024 * 1024;

export interface AppParts {
  readonly configuration: ConfigurationParts;
  readonly revocations: PostgresRevocationStore;
  readonly revoker: Revoker;
  readonly credentials: CredentialParts;
  readonly replicas: KnownReplicas;
  readonly ingest: ReturnType<typeof observeIngest>;
  readonly audit: AuditContext;
  readonly logStreams: LogStreamParts;
}

/** The HTTP side: admin API, connect and account pages. It does not listen yet. */
export async function openApp(foundation: Foundation, parts: AppParts): ReturnType<typeof createNestApp> {
  const { config, logger, metrics, tracer, clock, scope } = foundation;
  const administrators = openAdministrators(foundation, parts.configuration);
  const ofAdministrators = {
    owner: 'administrators',
    bytes: new BytesInFlight({ perOwner: MAX_ADMINISTRATION_IN_FLIGHT, total: 2 * MAX_ADMINISTRATION_IN_FLIGHT }),
  };
  const records = new AdministrationRecords({ record: parts.configuration.lifecycle, logger, clock });
  const { stop: stopReading, ...trail } = openReading(foundation, administrators, parts.configuration.lifecycle);
  const app = await createNestApp(createModule(foundation, parts, records, trail), {
    unavailable: new Unavailable({ isStoreOutage: isDatabaseOutage, page: unavailablePage, logger, clock }),
    logger,
    metrics,
    traced: tracer && { tracer },
    clock,
    publicUrl: config.publicUrl,
    trustedProxies: config.trustedProxies,
    certificate: keepCertificate(scope, config.certificateFiles, { logger, clock }),
    headers: 'pages',
    limits: { maxConnections: config.maxConnections },
    order: administratorsFirst(administrators),
    // Only an administrator comes as far as a body here.
    bodies: (request) =>
      accessOf(request)?.type === 'permission' ? { ...ofAdministrators, maxBytes: bodyLimitOf(request) } : undefined,
  });
  scope.onClose('listener', () => closeNestApp(app));
  scope.onClose('readers of the trail', stopReading);
  scope.readiness(() => degraded(...listenerOf(app).watch.worries()));
  const server = app.getHttpAdapter().getInstance();
  guardByPermission(server, {
    administrators,
    records,
    resourceMetadataUrl: resourceMetadataUrlOf(apiOf(config).resource),
  });
  const { databases, vault } = foundation;
  const digestKey = () => vault.derivationSecret();
  answerRepetitions(server, new IdempotentAnswers({ database: databases.administration, clock, digestKey }));
  tellRevision(server, () => parts.configuration.knownRevision());
  return app;
}

/** Reads with the connections of administration: nobody who reads stands before a heartbeat or a revocation. */
function createModule(
  foundation: Foundation,
  { configuration, revocations, revoker, credentials, replicas, ingest, audit, logStreams }: AppParts,
  records: AdministrationRecords,
  trail: Omit<TrailReading, 'stop'>,
) {
  const { config, messaging, clock, signing, databases, vault } = foundation;
  const { administration: database } = databases;
  const { revisions, publisher, lifecycle, snapshot } = configuration;
  const signingKey = signing.privateKey;
  const list = new SigningKeyList({
    database,
    isWithdrawn: (kid) => snapshot().revocations.isKeyWithdrawn(kid),
    clock,
  });
  const status = { replicas, revisions, database, messaging, signingKeys: list, ingest: ingest.state, clock };
  return ControlPlaneModule.of({
    url: config.publicUrl,
    api: apiOf(config),
    configuration: {
      documents: new PostgresDocumentStore({ database, clock }),
      reader: new DocumentReader(database),
      publisher,
      writes: {
        changeSets: configuration.changeSets,
        publisher,
        awaitLive: (wanted, timeoutMs) => replicas.awaitLive(wanted, timeoutMs),
        records,
      },
    },
    lifecycle,
    revoker,
    signingKeys: { messaging, signingKey, list, store: revocations, publisher, lifecycle, clock },
    credentials,
    ...trail,
    calls: database,
    audit: { ...audit, database },
    users: { database, revocations: () => snapshot().revocations },
    logStreams: logStreams.administration,
    agentSessions: { database, revocations: () => snapshot().revocations },
    agentRegistrations: { messaging, signingKey, database, revoker, lifecycle, clock },
    vault: { vault, database, lifecycle, clock },
    status,
    verify: createVerifyContext(foundation, configuration, status),
  });
}
