// Brings the database of DATABASE_URL to this version, once, before the services start.
import { fileURLToPath } from 'node:url';
import { migrateDeploy } from '@sallyport/database';

const url = process.env['DATABASE_URL'];
if (url === undefined) throw new Error('DATABASE_URL is required');
const applied = await migrateDeploy(url, fileURLToPath(new URL('prisma/migrations', import.meta.url)));
process.stdout.write(applied.length === 0 ? 'The database is up to date.\n' : `Applied ${applied.join(', ')}.\n`);
