import type { NatsConnection } from '@nats-io/transport-node';

/** Listens for a moment. The server's refusal comes before its answer to what is sent after the subscription. */
export async function refusesToHear(connection: NatsConnection, subject: string): Promise<boolean> {
  let isRefused = false;
  const subscription = connection.subscribe(subject, {
    callback: (error) => {
      if (error) isRefused = true;
    },
  });
  await connection.flush();
  await connection.flush();
  subscription.unsubscribe();
  return isRefused;
}
