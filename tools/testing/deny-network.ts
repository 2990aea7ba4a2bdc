import { Socket } from 'node:net';

/**
 * Unit tests reach no network: a connection to anything but this machine fails at once and says why. Loopback stays
 * open for tests that own both ends.
 */
const loopback = /^(localhost|127(\.\d+){3}|::1|\[::1\])$/;

const connect = Socket.prototype.connect;

Socket.prototype.connect = function connectWithinThisMachine(this: Socket, ...args: unknown[]): Socket {
  const host = hostOf(args);
  if (host !== undefined && !loopback.test(host)) {
    queueMicrotask(() =>
      this.destroy(
        new Error(`a unit test tried to reach ${host}: pass in a fake, or make it an integration test (*.int.test.ts)`),
      ),
    );
    return this;
  }
  return Reflect.apply(connect, this, args) as Socket;
};

/** `connect` takes an options object, a port and a host, or (from node:net itself) one array of normalised arguments. */
function hostOf(args: readonly unknown[]): string | undefined {
  const [first, second] = args;
  if (Array.isArray(first)) return hostOf(first);
  if (typeof first === 'object' && first !== null)
    return 'host' in first && typeof first.host === 'string' ? first.host : undefined;
  return typeof second === 'string' ? second : undefined;
}
