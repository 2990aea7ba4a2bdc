import type { Duplex } from 'node:stream';
import { SallyportError } from '@sallyport/kernel';
import { MEBIBYTE, nothingToClose, type LogSink } from './log-sink.js';
import { octetCounted, syslogMessage, type SyslogSource } from './syslog-message.js';

/** A TLS connection, its certificate verified. */
export type TlsSocket = Duplex & { setTimeout(milliseconds: number, onIdle: () => void): unknown };

export interface SyslogOptions extends SyslogSource {
  readonly host: string;
  readonly port: number;
  /** Connects by TLS, behind the outbound guard. @throws SallyportError `outbound_…`, or an error of TLS */
  readonly connect: (host: string, port: number) => Promise<TlsSocket>;
  /** How long nothing may move, in milliseconds; 30 000 by default. */
  readonly idleMs?: number;
}

const LIMITS = { records: 1_000, bytes: MEBIBYTE, waitMs: 0 };
const IDLE_MS = 30_000;

/**
 * Syslog over TLS (RFC 5425). Syslog acknowledges nothing. So each batch has a connection of its own: the receiver has
 * it all when it answers our closing of the connection with its own, without an error before.
 */
export function openSyslog({ host, port, connect, idleMs = IDLE_MS, ...source }: SyslogOptions): LogSink {
  return {
    limits: LIMITS,
    close: nothingToClose,
    async deliver(batch, signal) {
      try {
        const socket = await connect(host, port);
        const text = batch.map((record) => octetCounted(syslogMessage(record, source))).join('');
        await sendAll(socket, text, { idleMs, signal });
        return { type: 'taken', said: `${host} read ${batch.length} messages and closed the connection.` };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SallyportError)
          return { type: 'unavailable', taken: 0, reason: error.code, said: error.message };
        if (error instanceof Error)
          return { type: 'unavailable', taken: 0, reason: 'syslog_interrupted', said: error.message };
        throw error;
      }
    },
  };
}

/** Writes everything, closes our side, and waits until the other side has closed, too. @throws what broke it */
function sendAll(
  socket: TlsSocket,
  text: string,
  { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isEnded = false;
    const abort = () => void socket.destroy(new Error('stopped'));
    socket.once('error', reject);
    socket.once('end', () => (isEnded = true));
    socket.once('close', () => {
      signal.removeEventListener('abort', abort);
      if (isEnded && socket.writableFinished) resolve();
      else reject(new Error('The receiver broke off before it had read everything.'));
    });
    socket.setTimeout(idleMs, () => void socket.destroy(new Error(`Nothing moved for ${idleMs / 1_000} s.`)));
    signal.addEventListener('abort', abort);
    socket.resume();
    socket.end(text);
    if (signal.aborted) abort();
  });
}
