import { randomBytes } from 'node:crypto';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDeploy } from '@sallyport/database';
import { startPostgres } from '@sallyport/embedded-postgres';
import pg from 'pg';
import { readTestEnvironment, repositoryRoot } from './environment.js';
import { onFreePort } from './private-server.js';
import { makeScratch, noteServer, removeScratch } from './scratch.js';

export interface TestPostgres {
  /** A database of its own with every migration applied. */
  readonly url: string;
  /** Drops the database, and ends the server if it was started for it. */
  stop(): Promise<void>;
}

/** A server to create databases on. */
export interface PostgresServer {
  readonly adminUrl: string;
  stop(): Promise<void>;
}

/**
 * A fresh database: from the template of this run when the global set-up made one (a few milliseconds), else on
 * `DATABASE_URL`, else on a private embedded server. `before` leaves out that migration and all later ones.
 */
export async function startTestPostgres({ before }: { readonly before?: string } = {}): Promise<TestPostgres> {
  const { sharedPostgres } = readTestEnvironment();
  if (sharedPostgres && before === undefined) return createDatabase(sharedPostgres.adminUrl, sharedPostgres.template);
  const server = sharedPostgres ? { ...sharedPostgres, stop: () => Promise.resolve() } : await openPostgresServer();
  const database = await createDatabase(server.adminUrl);
  if (before === undefined) await migrateDeploy(database.url, migrations);
  else await migrateUntil(database.url, before);
  return {
    url: database.url,
    async stop() {
      await database.stop();
      await server.stop();
    },
  };
}

/** A server of our own: it can be stopped and started again with what it stored. */
export interface PrivatePostgres extends TestPostgres {
  /** Cuts every connection. */
  halt(): Promise<void>;
  /** Ends it like a crash. */
  kill(): Promise<void>;
  /** After `halt()` or `kill()`: again on the same port with what it stored. */
  resume(): Promise<void>;
  /** `halt()` and `resume()`. */
  restart(): Promise<void>;
}

/** A private server in any case, and a migrated database on it: for tests of outages. */
export async function startPrivatePostgres(): Promise<PrivatePostgres> {
  const scratch = makeScratch('postgres');
  const password = randomBytes(16).toString('hex');
  let start = () => startPostgres({ directory: join(scratch, 'data'), port: 0, password, database: 'postgres' });
  let server = await onFreePort((port) => {
    start = () => startPostgres({ directory: join(scratch, 'data'), port, password, database: 'postgres' });
    return start();
  });
  noteServer(scratch, server.pid);
  const database = await createDatabase(server.url);
  await migrateDeploy(database.url, migrations);
  const resume = async (): Promise<void> => {
    server = await start();
    noteServer(scratch, server.pid);
  };
  return {
    url: database.url,
    halt: () => server.stop(),
    resume,
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await server.ended;
    },
    async restart() {
      await server.stop();
      await resume();
    },
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}

const migrations = join(repositoryRoot, 'prisma', 'migrations');

async function migrateUntil(url: string, migration: string): Promise<void> {
  const scratch = makeScratch('migrations');
  try {
    for (const name of readdirSync(migrations))
      if (/^\d/.test(name) && name < migration)
        cpSync(join(migrations, name), join(scratch, name), { recursive: true });
    await migrateDeploy(url, scratch);
  } finally {
    removeScratch(scratch);
  }
}

export async function openPostgresServer(): Promise<PostgresServer> {
  const { databaseUrl } = readTestEnvironment();
  if (databaseUrl !== undefined) return { adminUrl: databaseUrl, stop: () => Promise.resolve() };
  const scratch = makeScratch('postgres');
  const password = randomBytes(16).toString('hex');
  const flags = [
    '-c',
    'fsync=off',
    '-c',
    'full_page_writes=off',
    '-c',
    'synchronous_commit=off',
    '-c',
    'max_connections=300',
    '-c',
    'max_wal_size=256MB', // it lives in memory
  ];
  const server = await onFreePort((port) =>
    startPostgres({ directory: join(scratch, 'data'), port, password, database: 'postgres', flags }),
  );
  noteServer(scratch, server.pid);
  return {
    adminUrl: server.url,
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}

/** One database with every migration, to copy from. */
export async function createTemplate(adminUrl: string): Promise<{ readonly name: string; stop(): Promise<void> }> {
  const database = await createDatabase(adminUrl);
  await migrateDeploy(database.url, migrations);
  return { name: new URL(database.url).pathname.slice(1), stop: () => database.stop() };
}

/**
 * A template's files are copied as they are: by way of the log, page by page, a copy takes twice the processor time.
 */
async function createDatabase(adminUrl: string, template?: string): Promise<TestPostgres> {
  const name = `sallyport_test_${randomBytes(8).toString('hex')}`;
  await asAdmin(
    adminUrl,
    `CREATE DATABASE ${name}${template === undefined ? '' : ` TEMPLATE ${pg.escapeIdentifier(template)} STRATEGY FILE_COPY`}`,
  );
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  url.search = '?schema=public';
  return { url: url.toString(), stop: () => asAdmin(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

const OBJECT_IN_USE = '55006';

async function asAdmin(adminUrl: string, sql: string): Promise<void> {
  const connection = new URL(adminUrl);
  connection.search = '';
  for (let attempt = 1; ; attempt++) {
    const client = new pg.Client({ connectionString: connection.toString() });
    await client.connect();
    try {
      await client.query(sql);
      return;
    } catch (error) {
      // Two copies of one template at the same moment.
      if (attempt === 20 || !(error instanceof pg.DatabaseError) || error.code !== OBJECT_IN_USE) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25 * attempt));
    } finally {
      await client.end();
    }
  }
}
