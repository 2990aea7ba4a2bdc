/**
 * Starts a PostgreSQL server from node_modules and keeps it running, for `standalone` and for tests. In production,
 * operators bring their own. Whoever starts servers from files must also know which process a number names before it
 * signals it, and who owns a folder before it runs what is inside; both are here.
 */
export { findProcess, isStill } from './find-process.js';
export type { FoundProcess, ProcessLookup } from './find-process.js';
export { isReachableByOthers } from './find-binaries.js';
export { KeptPostgres } from './keep-postgres.js';
export type { KeepPostgresOptions } from './keep-postgres.js';
export { ensureOwnFolder } from './own-folder.js';
export { startPostgres } from './start-postgres.js';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './start-postgres.js';
