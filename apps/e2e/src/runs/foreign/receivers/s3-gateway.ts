import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { eventually, freePort } from '@sallyport/testing';
import { PeerServer } from '../peer-program.js';
import { expectSame, type Kept } from './expect-all.js';
import type { Deployment, Receiver } from './receiver.js';

export const S3_GATEWAY = 'versitygw';
const KEY = { id: 'AKSALLYPORT', secret: 'versity-secret-access-key' };
const REGION = 'eu-central-1';
const PARTITIONED = /^sallyport\/date=\d{4}-\d\d-\d\d\/hour=\d\d\/\d{8}T\d{9}Z-[0-9a-f]{16}\.ndjson\.gz$/;

/** What the documents name in the environment. */
export const S3_SECRETS = { S3_SECRET: KEY.secret, S3_WRONG_SECRET: 'not-the-secret-access-key' };

/** Versity's S3 gateway, which keeps objects as files. */
export async function startS3Gateway(folder: string): Promise<Receiver> {
  const buckets = join(folder, 'buckets');
  const [audit, sidecar] = [join(buckets, 'audit'), join(folder, 'sidecar')];
  for (const place of [audit, sidecar]) mkdirSync(place, { recursive: true });
  const port = await freePort();
  const env = {
    FOLDER: buckets,
    SIDECAR: sidecar,
    S3_REGION: REGION,
    ROOT_ACCESS_KEY: KEY.id,
    ROOT_SECRET_KEY: KEY.secret,
  };
  const server = new PeerServer({ program: S3_GATEWAY, mode: 'posix', port, env });
  await server.start();
  const objects = () => globSync('sallyport/*/*/*', { cwd: audit }).toSorted();
  const kept = (): Kept[] =>
    objects()
      .flatMap((object) =>
        gunzipSync(readFileSync(join(audit, object)))
          .toString('utf8')
          .trimEnd()
          .split('\n'),
      )
      .map((line) => JSON.parse(line) as { id: string })
      .map((event) => ({ id: event.id, event }));
  return {
    name: "Versity's S3 gateway",
    documents: bucketsAt(`http://127.0.0.1:${port}`),
    ports: [port],
    env: {},
    checks: [
      {
        what: 'objects by the hour',
        async run({ trail }) {
          await expectSame(await trail(), kept);
          for (const object of objects()) assert.match(object, PARTITIONED);
        },
      },
      { what: 'a wrong key', run: refusesWrongKey },
      {
        what: 'down and back',
        async run(deployment) {
          await server.kill();
          await deployment.call();
          const isTold = async () => (await deployment.lastError('s3')) !== undefined;
          await eventually(isTold, { timeoutMs: 30_000, intervalMs: 200, until: 'it is told to be away' });
          await server.start();
          await expectSame(await deployment.trail(), kept);
        },
      },
    ],
    stop: () => server.kill(),
  };
}

function bucketsAt(endpoint: string): object[] {
  const bucket = { endpoint, region: REGION, bucket: 'audit', prefix: 'sallyport/', accessKeyId: KEY.id, gather: '1s' };
  const stream = (name: string, secret: string, more: object = {}) => ({
    kind: 'LogStream',
    name,
    spec: { start: 'beginning', ...more, sink: { s3: { ...bucket, secretAccessKey: { env: secret } } } },
  });
  return [stream('s3', 'S3_SECRET'), stream('s3-wrong', 'S3_WRONG_SECRET', { filter: { types: ['none.such'] } })];
}

async function refusesWrongKey({ test }: Deployment): Promise<void> {
  assert.equal((await test('s3')).isTaken, true);
  const { isTaken, said } = await test('s3-wrong');
  assert.equal(isTaken, false);
  assert.match(said, /^HTTP 403: .*SignatureDoesNotMatch/s);
}
