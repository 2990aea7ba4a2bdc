import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The one reader of the environment in tests. */
export interface TestEnvironment {
  /** Services of the developer or of CI, used instead of private ones. */
  readonly databaseUrl: string | undefined;
  readonly natsUrl: string | undefined;
  readonly redisUrl: string | undefined;
  /** Set by the global set-up: where test files create their databases, and from which template. */
  readonly sharedPostgres: { readonly adminUrl: string; readonly template: string } | undefined;
  /** Set by the global set-up: a folder in memory for what a test run writes; without it, the system's temporary one. */
  readonly scratch: string | undefined;
  readonly path: string;
}

export const sharedPostgresVariables = {
  adminUrl: 'TEST_POSTGRES_ADMIN_URL',
  template: 'TEST_POSTGRES_TEMPLATE',
} as const;
export const scratchVariable = 'TEST_SCRATCH';

export function readTestEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): TestEnvironment {
  const given = (name: string) => env[name] || undefined;
  const adminUrl = given(sharedPostgresVariables.adminUrl);
  const template = given(sharedPostgresVariables.template);
  return {
    databaseUrl: given('DATABASE_URL'),
    natsUrl: given('NATS_URL'),
    redisUrl: given('REDIS_URL'),
    sharedPostgres: adminUrl !== undefined && template !== undefined ? { adminUrl, template } : undefined,
    scratch: given(scratchVariable),
    path: env['PATH'] ?? '',
  };
}

/** The folder that holds apps/, libs/ and prisma/. */
export const repositoryRoot = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
