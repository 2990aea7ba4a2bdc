/**
 * A PostgreSQL server out of node_modules, for `standalone` and for tests. Not for production: there, bring your own.
 */
export { isReachableByOthers, startPostgres } from './start-postgres.js';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './start-postgres.js';
