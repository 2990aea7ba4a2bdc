import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensurePortsAreFree } from './ensure-ports-are-free.js';

let taken: Server;
let port: number;
beforeEach(async () => {
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  port = (taken.address() as AddressInfo).port;
});
afterEach(() => new Promise((resolve) => taken.close(resolve)));

test('a taken port is named with its use and the variable that moves it', async () => {
  await expect(
    ensurePortsAreFree('127.0.0.1', [{ use: 'gateway', port, variable: 'SALLYPORT_GATEWAY_PORT' }]),
  ).rejects.toThrow(`Port ${port} (gateway) is taken: stop what listens there, or set SALLYPORT_GATEWAY_PORT.`);
});

test('one port wanted twice is refused', async () => {
  await expect(
    ensurePortsAreFree('127.0.0.1', [
      { use: 'gateway', port: 1, variable: 'A' },
      { use: 'health', port: 1, variable: 'B' },
    ]),
  ).rejects.toThrow('wanted twice, for gateway and for health: change B.');
});
