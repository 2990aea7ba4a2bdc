import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAdminClient } from '@sallyport/admin-api';
import { EXPORT_TYPES, openAdminStream, type EventExport } from '@sallyport/admin-api/events';
import { connectDatabase, type Database } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys } from '@sallyport/keys';
import {
  eventually,
  freePort,
  makeScratch,
  removeScratch,
  spawnApp,
  startPrivateNats,
  startTestPostgres,
  type PrivateNats,
  type SpawnedApp,
  type TestPostgres,
} from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../../test/test-config.js';

/** `EXPORTED_EVENTS=1000000` for a large run. */
const EVENTS = Number(process.env['EXPORTED_EVENTS'] ?? 6_000);
/** Of each: all together are more than is left of the control plane’s heap. */
const CHARACTERS = Math.max(400, Math.ceil(60_000_000 / EVENTS));
/** Of one statement that stores them. */
const AT_ONCE = 5_000;
const MOST_HEAP_MIB = 112;
/** Besides the heap there are buffers, and what the collector has not given back. */
const MOST_GROWTH_MIB = 200;

let directory: string;
let postgres: TestPostgres;
let nats: PrivateNats;
let database: Database;
let app: SpawnedApp;
let env: Record<string, string>;
const begin = () =>
  spawnApp({
    entry: 'apps/control-plane/dist/main.js',
    nodeArgs: [`--max-old-space-size=${MOST_HEAP_MIB}`],
    env,
    readyPattern: /"msg":"running"/,
  });

const store = (first: number, last: number) => database.$executeRaw`
  INSERT INTO "Event" ("id", "type", "at", "body")
  SELECT 'evt_' || i, 'mcp.response', now(), jsonb_build_object('id', 'evt_' || i, 'type', 'mcp.response',
    'at', i, 'replica', 'r', 'detail', jsonb_build_object('text', repeat('x', ${CHARACTERS}::int)))
  FROM generate_series(${first}::int, ${last}::int) AS i`;

beforeAll(async () => {
  directory = makeScratch('large-export');
  const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
  [postgres, nats] = await Promise.all([startTestPostgres(), startPrivateNats()]);
  const port = String(await freePort());
  writeFileSync(join(directory, 'admin-token'), ADMIN_TOKEN, { mode: 0o600 });
  env = {
    DATABASE_URL: postgres.url,
    NATS_URL: nats.url,
    SALLYPORT_PORT: port,
    SALLYPORT_CONTROL_PLANE_URL: `http://127.0.0.1:${port}`,
    SALLYPORT_HEALTH_PORT: String(await freePort()),
    SALLYPORT_ADMIN_TOKEN_FILE: join(directory, 'admin-token'),
    SALLYPORT_MASTER_KEY_FILE: keys.master,
    SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
    SALLYPORT_LEASE_KEY_FILE: keys.lease,
    SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
    SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
  };
  app = await begin();
  database = connectDatabase(postgres.url);
  for (let first = 1; first <= EVENTS; first += AT_ONCE) await store(first, Math.min(first + AT_ONCE - 1, EVENTS));
}, 600_000);
afterAll(async () => {
  await database.$disconnect();
  await app.stop();
  await nats.stop();
  await postgres.stop();
  removeScratch(directory);
});

const mebibytes = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(app.pid)], { encoding: 'utf8' })) / 1_024;
const asking = () => ({ url: env['SALLYPORT_CONTROL_PLANE_URL'] ?? '', token: new Secret(ADMIN_TOKEN) });
const signal = AbortSignal.timeout(900_000);
const download = (id: string, after?: number) =>
  openAdminStream(
    asking(),
    'downloadEventExport',
    { params: { id }, query: { after: after === undefined ? undefined : String(after) } },
    { accept: EXPORT_TYPES.ndjson, signal },
  );

/** Whole lines of a stream, as they come; what is broken off is left out. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
const sequenceIn = (line: string) => Number(/^\{"sequence":(\d+),/.exec(line)?.[1]);

test('a large export takes no more memory than a small one, and outlives the control plane (R77, S33)', async () => {
  const made: EventExport = await createAdminClient(asking()).createEventExport({
    body: { format: 'ndjson', filter: { type: 'mcp.response' } },
  });
  const before = mebibytes();
  let peak = before;
  const watching = setInterval(() => (peak = Math.max(peak, mebibytes())), 200);
  // Two who read nothing of what there is for them.
  const idle = await openAdminStream(
    asking(),
    'listEvents',
    { query: { after: '0' } },
    { accept: 'text/event-stream', signal },
  );
  const stuck = await download(made.id);
  let [count, last] = [0, 0];
  const read = async (stream: ReadableStream<Uint8Array>, whenHalf?: () => void) => {
    for await (const line of linesOf(stream)) {
      const sequence = sequenceIn(line);
      if (!(sequence > last)) throw new Error(`${sequence} came after ${last}`);
      [count, last] = [count + 1, sequence];
      if (count === Math.floor(EVENTS / 2)) whenHalf?.();
    }
  };
  await read(await download(made.id));
  clearInterval(watching);
  expect(count).toBe(EVENTS);
  expect(peak - before).toBeLessThan(MOST_GROWTH_MIB);
  await Promise.all([idle.cancel(), stuck.cancel()]);

  [count, last] = [0, 0];
  await eventually(() => download(made.id).then((stream) => stream.cancel().then(() => true)));
  await expect(read(await download(made.id), () => void app.kill())).rejects.toThrow('terminated');
  expect(count).toBeLessThan(EVENTS);
  await app.exited;
  app = await begin();
  await read(await download(made.id, last));
  expect(count).toBe(EVENTS);
  expect(await createAdminClient(asking()).readEventExport({ params: { id: made.id } })).toMatchObject({
    state: 'done',
  });
}, 900_000);
