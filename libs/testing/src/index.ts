/**
 * What tests stand on: real services, processes, certificates, time, and a search for leaked secrets. Fakes of ports
 * live beside their port. Nothing here is part of the product.
 *
 * Integration tests are `x.int.test.ts` beside the source, run by `npx vitest run --project int [path]`:
 *
 * const postgres = await startTestPostgres(); // in beforeAll: a database of this file's own, migrated, in milliseconds
 *   const database = connectDatabase(postgres.url);
 *   …                                             // afterAll: disconnect, then await postgres.stop()
 * const nats = await startTestNats(); // JetStream, no users; startPrivateNats(config) for your own configuration
 *   const redis = await startTestRedis();
 *
 * DATABASE_URL, NATS_URL and REDIS_URL are used when set; else PostgreSQL comes from npm, and NATS and Redis from local
 * binaries or from Debian's packages unpacked into `.cache/`, as `findBinary` finds other programs too. Where nothing works the test fails and says what to run.
 * `spawnApp` starts a built process (`npx tsc -b` first) and keeps all it writes, for `findSecrets`.
 */
export { startPrivatePostgres, startTestPostgres } from './postgres.js';
export type { PrivatePostgres, TestPostgres } from './postgres.js';
export { startPrivateNats } from './nats.js';
export type { PrivateNats } from './nats.js';
export { startPrivateRedis, startTestRedis } from './redis.js';
export type { PrivateRedis, TestRedis } from './redis.js';
export { startTestRsyslog } from './rsyslog.js';
export type { TestRsyslog } from './rsyslog.js';
export { findBinary } from './debian-binaries.js';
export type { Binary } from './debian-binaries.js';
export { startPrivateServer } from './private-server.js';
export { spawnApp } from './spawn-app.js';
export type { SpawnedApp } from './spawn-app.js';
export { findSecrets } from './find-secrets.js';
export { createFakeClock, eventually } from './eventually.js';
export { waysInOf } from './ways-in.js';
export type { FakeClock } from './eventually.js';
export { breakOffStart } from './break-off-start.js';
export { freePort, freePorts } from './free-port.js';
export { readTestEnvironment, repositoryRoot } from './environment.js';
export { makeScratch, removeScratch } from './scratch.js';
export { makeDpopKey } from './dpop-key.js';
export type { DpopKey } from './dpop-key.js';
export { GeneratedJson, readJsonTexts } from './generated-json.js';
export { openRawConnection } from './raw-connection.js';
export type { RawConnection } from './raw-connection.js';
export { fillConnections, listenerLimits, stallBody } from './listener-limits.js';
export { bytesHeld } from './bytes-held.js';
export { statementsSent } from './statements-sent.js';
