import type { NatsConnection } from '@nats-io/transport-node';
import { ServerNats } from '@nestjs/microservices';

/** Nest's NATS server, except that it counts as listening only when the bus knows its subscriptions. */
export class NatsRequestServer extends ServerNats {
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    let failure = await new Promise<unknown>((settle) => {
      void super.listen(settle);
    });
    try {
      if (failure === undefined) await this.unwrap<NatsConnection>().flush();
    } catch (error) {
      failure = error;
    }
    callback(failure);
  }
}
