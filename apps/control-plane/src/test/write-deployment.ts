import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase, type Database } from '@sallyport/database';
import { ensureDeploymentKeys, loadVerifyingKey } from '@sallyport/keys';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import type { RunningService } from '@sallyport/process';
import { createLogger } from '@sallyport/telemetry';
import { makeScratch, removeScratch, startTestPostgres } from '@sallyport/testing';
import { afterEach, beforeEach } from 'vitest';
import type { ControlPlaneConfig } from '../config.js';
import { startControlPlane } from '../start-control-plane.js';
import { expectDeclared } from './declared-answer.js';
import { ADMIN_TOKEN, testConfig } from './test-config.js';

/** A control plane that administrators write to, and what they hear back. */
export interface Administered {
  readonly url: string;
  readonly service: RunningService;
  log(): string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** As it came. */
  readonly text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look at any member
  readonly body: any;
}

/** For each test a database, a bus, and control planes on them. */
export function writeDeployment() {
  let directory: string;
  let postgres: Awaited<ReturnType<typeof startTestPostgres>>;
  const state = {} as { database: Database; messaging: Messaging; replica: ConfigurationReplica };
  const running: Pick<RunningService, 'close'>[] = [];
  beforeEach(async () => {
    directory = makeScratch('change-sets');
    postgres = await startTestPostgres();
    state.database = connectDatabase(postgres.url);
    state.messaging = createInProcessMessaging();
  });
  afterEach(async () => {
    for (const service of running.splice(0).toReversed()) await service.close();
    await state.messaging.close();
    await state.database.$disconnect();
    await postgres.stop();
    removeScratch(directory);
  });

  async function start(
    text: string | null = null,
    part: Partial<ControlPlaneConfig> = {},
    messaging: Messaging = state.messaging,
  ): Promise<Administered> {
    const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
    const file = join(directory, 'sallyport.yaml');
    if (text !== null) writeFileSync(file, text);
    const lines: string[] = [];
    const destination = { write: (line: string) => void lines.push(line) };
    const service = await startControlPlane(
      await testConfig({ databaseUrl: postgres.url, keys }, { declarativeFile: text === null ? null : file, ...part }),
      {
        messaging,
        logger: createLogger({ name: 'control-plane', level: 'debug', destination }),
      },
    );
    running.push(service);
    const url = service.urls['admin'] ?? '';
    return {
      url,
      service,
      log: () => lines.join(''),
      call: async (method, path, body, headers = {}) => {
        const response = await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${ADMIN_TOKEN}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const answer = await response.text();
        const parsed: unknown = JSON.parse(answer);
        expectDeclared({ method, path }, response.status, parsed);
        return { status: response.status, headers: response.headers, text: answer, body: parsed };
      },
    };
  }

  /** Another process's view. */
  async function follow(): Promise<ConfigurationReplica> {
    const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
    const { publicKey: verifyKey } = await loadVerifyingKey(keys.configurationSigningPublic);
    const replica = new ConfigurationReplica({ log: state.messaging.configuration, verifyKey });
    await replica.start();
    await replica.whenReady(5_000);
    running.push({ close: () => replica.stop() });
    return replica;
  }

  return { start, follow, database: () => state.database, databaseUrl: () => postgres.url };
}
