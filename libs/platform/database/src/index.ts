/**
 * Prisma on PostgreSQL: the client and the migration runner. Which table belongs to whom is said in the schema;
 * stores live with the process or lib that owns the table. The gateway must never reach this lib.
 */
export { connectDatabase } from './connect.js';
export type { Database } from './connect.js';
export { isDatabaseOutage } from './is-outage.js';
export { migrateDeploy, migrationsDirectory } from './migrate.js';
export { Prisma } from './generated/client.js';
