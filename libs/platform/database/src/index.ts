/**
 * Prisma on PostgreSQL: the client and the migration runner, and statements without Prisma where its price shows. The
 * schema names the owner of each table; a store is in the app or library that owns its table. The gateway must never
 * import this library.
 */
export { connectDatabase } from './connect.js';
export type { Database } from './connect.js';
export { connectStatements } from './connect-statements.js';
export type { Query, Statement, Statements } from './connect-statements.js';
export { isDatabaseOutage } from './is-outage.js';
export { migrateDeploy, migrationsDirectory } from './migrate.js';
export { Prisma } from './generated/client.js';
