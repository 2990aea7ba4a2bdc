import { AckPolicy, DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { streams, subjects } from '@sallyport/messages';
import { CONTROL_PLANE_GROUP } from './permissions.js';

export interface StreamLimits {
  /**
   * Bytes of events that wait for the control plane; beyond, publishers are refused and their spools keep them. 1 GiB
   * by default.
   */
  readonly eventBytes?: number;
  /** Copies of each stream in a cluster of NATS servers: 1, 3 or 5. */
  readonly replicas?: number;
}

const NAME_IN_USE = 10_058;
const CONSUMER_EXISTS = 10_148;
const CONSUMER_NOT_FOUND = 10_014;
/**
 * How long the server waits to hear of a batch before it delivers it to another control plane. One that is at work says
 * so well within this time.
 */
export const ACK_WAIT_MS = 8_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * Makes the two streams and the consumer, or brings them to what this version wants. Only the control plane may (S26).
 */
export async function ensureStreams(
  manager: JetStreamManager,
  { eventBytes = 1_073_741_824, replicas = 1 }: StreamLimits,
): Promise<void> {
  await ensureStream(manager, {
    name: streams.configuration,
    subjects: [subjects.configurationBase, subjects.configurationChange],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_bytes: 268_435_456,
    // Far longer than an entry stays: nobody can have the server append a copy of an old one.
    duplicate_window: nanos(90 * DAY_MS),
    allow_direct: true,
    num_replicas: replicas,
  });
  await ensureStream(manager, {
    name: streams.events,
    subjects: [subjects.events('*')],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: eventBytes,
    duplicate_window: nanos(10 * MINUTE_MS),
    num_replicas: replicas,
  });
  await ensureConsumer(manager);
}

async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NAME_IN_USE) throw error;
    await manager.streams.update(config.name, config);
  }
}

const consumerConfig = {
  name: CONTROL_PLANE_GROUP,
  durable_name: CONTROL_PLANE_GROUP,
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(ACK_WAIT_MS),
  max_ack_pending: 256,
};

async function ensureConsumer(manager: JetStreamManager): Promise<void> {
  try {
    await manager.consumers.add(streams.events, consumerConfig);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error;
    await manager.consumers.update(streams.events, CONTROL_PLANE_GROUP, consumerConfig);
  }
}

/** A consumer that delivers all that is not acknowledged, in the order of the stream, whatever somebody holds of it. */
export async function renewConsumer(manager: JetStreamManager): Promise<void> {
  try {
    await manager.consumers.delete(streams.events, CONTROL_PLANE_GROUP);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_NOT_FOUND) throw error;
  }
  await ensureConsumer(manager);
}
