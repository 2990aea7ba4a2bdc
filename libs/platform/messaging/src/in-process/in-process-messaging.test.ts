import { expect, test } from 'vitest';
import { createInProcessMessaging } from '../index.js';
import { describeMessaging } from '../messaging.contract.js';

describeMessaging('in process', async () => {
  const bus = createInProcessMessaging();
  return { controlPlane: bus, otherControlPlane: bus, gateway: bus, otherGateway: bus, close: () => bus.close() };
});

test('two buses in one process do not hear each other', async () => {
  const [one, other] = [createInProcessMessaging(), createInProcessMessaging()];
  const heard: unknown[] = [];
  await other.broadcast.subscribe('sallyport.v1.credential.changed', (payload) => heard.push(payload));
  await one.broadcast.publish('sallyport.v1.credential.changed', {});
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(heard).toEqual([]);
});

test('closing refuses batches that nobody has stored, so that their spool keeps them', async () => {
  const bus = createInProcessMessaging();
  const published = bus.events.publish('gw-1', [{ id: 'a' }]);
  await Promise.all([expect(published).rejects.toMatchObject({ code: 'messaging_closed' }), bus.close()]);
});
