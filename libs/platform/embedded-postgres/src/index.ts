/**
 * A PostgreSQL server out of node_modules, for `standalone` and for tests, and what keeps it up. Not for production:
 * there, bring your own. Also says whose process a number is and whose folder a path is, which whoever starts servers
 * from files has to know before signalling the one or running what is in the other.
 */
export { findProcess, isStill } from './find-process.js';
export type { FoundProcess, ProcessLookup } from './find-process.js';
export { isReachableByOthers } from './find-binaries.js';
export { KeptPostgres } from './keep-postgres.js';
export type { KeepPostgresOptions } from './keep-postgres.js';
export { ensureOwnFolder } from './own-folder.js';
export { startPostgres } from './start-postgres.js';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './start-postgres.js';
