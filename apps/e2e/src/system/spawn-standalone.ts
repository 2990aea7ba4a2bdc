import { freePorts, spawnApp } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';

const NAMES = [
  'GATEWAY',
  'AUTHORIZATION_SERVER',
  'CONTROL_PLANE',
  'HEALTH',
  'DATABASE',
  'DEMO_IDP',
  'DEMO_NOTES',
  'DEMO_WHOAMI',
] as const;

/** `npm start` on free ports, as many times as a test likes: the process alone, without an agent or a person. */
export async function standaloneOnFreePorts(dataDirectory: string): Promise<{
  readonly healthUrl: string;
  readonly gatewayUrl: string;
  readonly env: Readonly<Record<string, string>>;
  spawn(readyPattern?: RegExp): Promise<SpawnedApp>;
}> {
  const free = await freePorts(NAMES.length);
  const ports = Object.fromEntries(NAMES.map((name, index) => [`SALLYPORT_${name}_PORT`, String(free[index])]));
  const env = { SALLYPORT_DATA_DIR: dataDirectory, ...ports };
  return {
    env,
    healthUrl: `http://127.0.0.1:${ports['SALLYPORT_HEALTH_PORT']}`,
    gatewayUrl: `http://127.0.0.1:${ports['SALLYPORT_GATEWAY_PORT']}`,
    spawn: (readyPattern) =>
      spawnApp({
        entry: 'apps/standalone/dist/main.js',
        env,
        readyTimeoutMs: 90_000,
        ...(readyPattern ? { readyPattern } : {}),
      }),
  };
}

export const READY = /Sallyport is ready/;
