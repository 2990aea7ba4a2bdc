import type { ClientProxy } from '@nestjs/microservices';
import { EmptyResponseException } from '@nestjs/microservices/errors/empty-response.exception.js';
import { SallyportError } from '@sallyport/kernel';
import { firstValueFrom, timeout, TimeoutError } from 'rxjs';

/**
 * One request, one answer. The responder is told how long this asker waits (`Waiting`). The answer is what arrived,
 * unchecked: parse it with its schema.
 * @throws SallyportError `messaging_no_responder` (nobody serves the subject), `messaging_timeout`,
 * `messaging_unavailable` (the connection is down), `messaging_request_failed` (the responder threw)
 */
export async function request(
  client: ClientProxy,
  subject: string,
  payload: object,
  { timeoutMs }: { timeoutMs: number },
): Promise<unknown> {
  try {
    return await firstValueFrom(
      client.send<unknown>(subject, { ...payload, waitsMs: timeoutMs }).pipe(timeout(timeoutMs)),
    );
  } catch (cause) {
    if (cause instanceof EmptyResponseException)
      throw new SallyportError('messaging_no_responder', `Nobody answers ${subject}.`, { cause });
    if (cause instanceof TimeoutError)
      throw new SallyportError('messaging_timeout', `No answer on ${subject} within ${timeoutMs} ms.`, { cause });
    if (isConnectionLoss(cause))
      throw new SallyportError('messaging_unavailable', 'The bus is not reachable.', { detail: cause });
    throw new SallyportError('messaging_request_failed', `The request on ${subject} failed.`, { detail: cause });
  }
}

/** Nest rejects with a text while reconnecting, and the NATS client with its own classes once closed. */
function isConnectionLoss(cause: unknown): boolean {
  if (typeof cause === 'string') return cause.includes('Connection lost');
  return (
    cause instanceof Error &&
    (/^(ClosedConnectionError|DrainingConnectionError|ConnectionError|TimeoutError)$/.test(cause.name) ||
      cause.message === 'Connection closed')
  );
}
