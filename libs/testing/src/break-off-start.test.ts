import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { breakOffStart } from './break-off-start.js';

test('a start that forgets a listener and a timer after its second step is found out, at that step', async () => {
  const forgotten: (() => void)[] = [];
  const starts = await breakOffStart(async (onOpened) => {
    onOpened('database');
    const timer = setInterval(() => undefined, 3_600_000).unref();
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const end = (): void => {
      clearInterval(timer);
      server.close();
    };
    try {
      onOpened('listener');
    } catch (error) {
      forgotten.push(end);
      throw error;
    }
    return { close: async () => end() };
  });
  for (const end of forgotten) end();
  expect(starts).toEqual([
    { step: 'database', leftOpen: [] },
    { step: 'listener', leftOpen: ['TCPServerWrap', 'interval of 3600000 ms'] },
    { step: 'closed', leftOpen: [] },
  ]);
});
