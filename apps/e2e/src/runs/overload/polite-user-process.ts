import { createInterface } from 'node:readline';
import { createPoliteUser, PoliteOrder } from './polite-user.js';
import type { PoliteUser, ServiceSeen } from './polite-user.js';

// A process of its own: what else a run does must not delay the calls it times.
let user: PoliteUser | undefined;
let calling: { stop(): Promise<ServiceSeen> } | undefined;
for await (const line of createInterface({ input: process.stdin })) {
  const order = PoliteOrder.parse(JSON.parse(line));
  switch (order.type) {
    case 'be':
      user = createPoliteUser(order.gateways, order.host, order.token);
      break;
    case 'call':
      calling = user?.callSteadily(order.perSecond);
      break;
    case 'stop':
      process.stdout.write(`${JSON.stringify(await calling?.stop())}\n`);
  }
}
await user?.close();
