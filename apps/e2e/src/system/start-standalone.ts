import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnApp } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';
import { prepareSurroundings, type Surroundings } from './surroundings.js';
import type { System } from './system.js';

/** What `npm start` runs, in a process of its own, with the demonstration's servers kept in the test's process. */
export async function startStandalone({
  logLevel = 'trace',
  configure,
  env,
}: {
  logLevel?: string;
  configure?: Parameters<typeof prepareSurroundings>[0];
  env?: Readonly<Record<string, string>>;
} = {}): Promise<
  System & { /** Of the process that runs now. */ pid(): number; readonly publish: Surroundings['publish'] }
> {
  const surroundings = await prepareSurroundings(configure);
  const { ports, urls, dataDir } = surroundings;
  const start = (): Promise<SpawnedApp> =>
    spawnApp({
      entry: 'apps/standalone/dist/main.js',
      env: {
        ...env,
        SALLYPORT_DATA_DIR: dataDir,
        SALLYPORT_CONFIGURATION_FILE: surroundings.configurationFile,
        SALLYPORT_GATEWAY_PORT: String(ports.gateway),
        SALLYPORT_AUTHORIZATION_SERVER_PORT: String(ports.authorizationServer),
        SALLYPORT_CONTROL_PLANE_PORT: String(ports.controlPlane),
        SALLYPORT_HEALTH_PORT: String(ports.health),
        SALLYPORT_DATABASE_PORT: String(ports.database),
        SALLYPORT_DEMO: 'false',
        SALLYPORT_CA_FILES: surroundings.certificateAuthorityFile,
        SALLYPORT_LOG_LEVEL: logLevel,
        ...surroundings.secretEnvironment,
      },
      readyPattern: /Sallyport is ready/,
      readyTimeoutMs: 120_000,
    });
  const runs = [
    await start().catch(async (error: unknown) => {
      await surroundings.close();
      throw error;
    }),
  ];
  const password = readFileSync(join(dataDir, 'database-password'), 'utf8').trim();
  return {
    mode: 'standalone',
    ...urls,
    adminToken: readFileSync(join(dataDir, 'admin-token'), 'utf8').trim(),
    demo: surroundings.demo,
    downstream: surroundings.downstream,
    clientMetadataUrl: surroundings.clientMetadataUrl,
    redirectUri: surroundings.redirectUri,
    publish: surroundings.publish,
    keys: join(dataDir, 'keys'),
    databaseUrl: `postgresql://postgres:${password}@127.0.0.1:${ports.database}/sallyport`,
    natsUrl: undefined,
    nkeys: undefined,
    pid: () => runs.at(-1)?.pid ?? 0,
    logs: () => runs.map((run) => run.output()).join('\n'),
    async killAndRestart() {
      await runs.at(-1)?.kill();
      runs.push(await start());
    },
    async stop() {
      await runs.at(-1)?.stop();
      await surroundings.close();
    },
  };
}
