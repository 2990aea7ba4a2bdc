import { isDatabaseOutage } from '@sallyport/database';
import { secretSourcesOf } from '@sallyport/declaration';
import { askDatabase, queueIsReachable } from '../../status/read-status.js';
import type { IngestState } from '../../trail/observe-ingest.js';
import type { VerifyContext } from '../context.js';
import { failed, look, passed, skipped, warned, type Check, type Finding } from '../step.js';

const SLOW_MS = 500;
const MANY_BATCHES = 1_000;
const OFF_MS = 5_000;

/** What the processes stand on: database, bus, queue, the stream of events, stored secrets. */
export function checkFoundation(context: VerifyContext): Check[] {
  const { messaging, publisher, replicas, ingest } = context;
  return [
    { step: 'database', subject: 'PostgreSQL', run: () => lookAtDatabase(context) },
    { step: 'clock', subject: 'PostgreSQL', run: () => compareWithDatabase(context) },
    look('bus', messaging.kind, () =>
      messaging.connected() ? passed('It is connected.') : failed('bus_unreachable', 'There is no connection.'),
    ),
    look('configuration', 'publishing', () =>
      publisher.failing
        ? failed('configuration_not_published', 'The last round failed.')
        : passed('Changes and heartbeats go out.'),
    ),
    look('queue', 'token-refresh-worker', () => {
      const isReachable = queueIsReachable(replicas.all());
      if (isReachable === null) return warned('no_refresh_worker', 'None was heard lately.');
      return isReachable ? passed('The worker reaches it.') : failed('queue_unreachable', 'The worker says so.');
    }),
    look('events', 'trail', () => judgeEvents(ingest())),
    ...checkSecrets(context),
  ];
}

export function judgeEvents({ isStoring, waiting }: Pick<IngestState, 'isStoring' | 'waiting'>): Finding {
  if (!isStoring) return failed('events_not_stored', `${waiting} batches wait.`);
  if (waiting > MANY_BATCHES) return warned('events_waiting', `${waiting} batches wait.`);
  return passed(`${waiting} batches wait.`);
}

async function lookAtDatabase(context: VerifyContext): Promise<Finding> {
  const { isReachable, answeredInMs } = await askDatabase(context);
  if (!isReachable || answeredInMs === null) return failed('database_unreachable', 'No answer came.');
  if (answeredInMs > SLOW_MS) return warned('database_slow', `It took ${answeredInMs} ms.`);
  return passed(`It answers in ${answeredInMs} ms.`);
}

async function compareWithDatabase({ database, clock }: VerifyContext): Promise<Finding> {
  const begun = clock();
  const rows = await database.$queryRaw<{ now: Date }[]>`SELECT clock_timestamp() AS now`.catch(() => []);
  const [row] = rows;
  if (row === undefined) return skipped('depends_on_another', 'See database.');
  const offByMs = row.now.getTime() - (begun + clock()) / 2;
  const seconds = Math.round(Math.abs(offByMs) / 1000);
  if (Math.abs(offByMs) <= OFF_MS) return passed('Both clocks agree.');
  return failed('clock_differs_from_database', `PostgreSQL is ${seconds} s ${offByMs > 0 ? 'ahead' : 'behind'}.`);
}

/** Each document whose secrets are kept: whether they are there, and can be opened. */
function checkSecrets({ documents, findSecret }: VerifyContext): Check[] {
  const all = (['TrustProvider', 'CredentialProvider', 'Agent', 'Webhook', 'LogStream'] as const).flatMap((kind) =>
    documents().all(kind),
  );
  return all.flatMap((document) => {
    const names = secretSourcesOf(document).map(({ name }) => name);
    if (names.length === 0) return [];
    return {
      step: 'secret',
      subject: `${document.kind}/${document.name}`,
      run: () => Promise.all(names.map((name) => lookAtSecret(name, findSecret))),
    };
  });
}

async function lookAtSecret(name: string, findSecret: VerifyContext['findSecret']): Promise<Finding> {
  const field = name.split('/').at(-1) ?? name;
  try {
    const secret = await findSecret(name);
    return secret === undefined
      ? failed('secret_missing', `\`${field}\` is not stored.`)
      : passed(`\`${field}\` is stored and can be opened.`);
  } catch (error) {
    if (isDatabaseOutage(error)) return skipped('depends_on_another', 'See database.');
    // Without what was thrown, which could quote what it tried to open.
    return failed('secret_unreadable', `\`${field}\` cannot be read.`);
  }
}
