import { setTimeout as pause } from 'node:timers/promises';
import { EventShipper, EventSpool } from '@sallyport/event-spool';
import { newId, RecordNumbers, systemClock } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import { createNatsMessaging, readNkeySeed } from '@sallyport/messaging';
import { z } from 'zod';

/** What the writer is asked to do. */
export const WriteOrder = z.object({
  natsUrl: z.string(),
  seedFile: z.string(),
  replica: z.string(),
  spool: z.string(),
  perSecond: z.number(),
  seconds: z.number(),
  /** `none` makes the records and drops them: what is left to subtract. */
  to: z.enum(['stream', 'none']),
});
export type WriteOrder = z.infer<typeof WriteOrder>;

export interface Written {
  readonly records: number;
  readonly refused: number;
  /** From the first record on, until the last one is in its file. */
  readonly seconds: number;
  /** Of this process, until all of it was shipped. */
  readonly cpuSeconds: number;
}

/** A gateway's part in the trail: it makes records of calls at a rate, keeps them in its spool, and ships them. */
export async function writeRecords(order: WriteOrder): Promise<Written> {
  const messaging = await createNatsMessaging({
    servers: [order.natsUrl],
    name: order.replica,
    role: 'gateway',
    nkeySeed: await readNkeySeed(order.seedFile),
  });
  const spool = new EventSpool({
    directory: order.spool,
    numbers: new RecordNumbers(order.replica),
    clock: systemClock,
  });
  const shipper = new EventShipper({
    spool,
    publish: (lines) => messaging.events.publishLines(order.replica, lines),
    onFailure: (error) => process.stderr.write(`${String(error)}\n`),
  });
  shipper.start();
  const [before, began] = [process.cpuUsage(), performance.now()];
  let [made, settled, refused] = [0, 0, 0];
  const total = order.perSecond * order.seconds;
  const told = (isRefused: boolean): void => {
    settled += 1;
    if (isRefused) refused += 1;
  };
  const write = (): void => {
    const record = recordOf(made++, order.replica);
    const room = order.to === 'stream' ? spool.reserve() : undefined;
    if (room === undefined) return told(order.to === 'stream');
    spool.appendLine(JSON.stringify(record), { room, owner: record.userId }, (error) => told(error !== undefined));
  };
  while (settled < total) {
    const due = Math.min(total, ((performance.now() - began) / 1000) * order.perSecond);
    while (made < due) write();
    await pause(1);
  }
  const seconds = (performance.now() - began) / 1000;
  while (spool.bytes > 0) await pause(20);
  const { user, system } = process.cpuUsage(before);
  await shipper.stop();
  await messaging.close();
  return { records: made, refused, seconds, cpuSeconds: (user + system) / 1_000_000 };
}

/** As a gateway records a call of an agent: of one of 200 users, to one of 50 servers. */
function recordOf(index: number, replica: string): CallRecord {
  const now = Date.now();
  const [user, server] = [index % 200, index % 50];
  return {
    v: 1,
    type: 'mcp.call',
    id: newId('evt', now),
    replica,
    receivedAt: now,
    durationMs: 3.5 + (index % 1000) / 100,
    httpStatus: 200,
    userId: `usr_01kbxw5vg0${String(user).padStart(16, '0')}`,
    trustProvider: 'company',
    clientId: `https://agents.example/${user % 7}/metadata.json`,
    agentName: `Agent number ${user % 7}`,
    sid: `ses_01kbxw5vg0${String(user).padStart(16, '0')}`,
    protocolVersion: '2026-07-28',
    method: 'tools/call',
    server: `server-${server}`,
    target: `tool_number_${index % 20}`,
    definition: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
    policies: { clientToGateway: 'engineers', gatewayToServer: `server-${server}-for-engineers` },
    policyRevision: 4711,
    connectionId: `con_01kbxw5vg0${String(user).padStart(16, '0')}`,
    traceId: `4bf92f3577b34da6a3ce${String(index).padStart(12, '0')}`,
    decision: 'allow',
    address: `203.0.113.${user % 250}`,
    upstreamMs: 3 + (index % 1000) / 100,
    requestBytes: 412,
    responseBytes: 1_830,
  };
}
