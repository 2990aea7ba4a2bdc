import type { Dispatcher } from 'undici';
import { SallyportError } from '@sallyport/kernel';
import type { HttpAnswer } from './http-answer.js';
import { beginsWithEndpoint, MAX_ERROR_BYTES, readAnswer } from './read-answer.js';
import { JSON_POST, postDirectly } from './post-directly.js';
import { discard } from './read-body.js';
import { byProxy, isCut, reasonOf } from './relay-failure.js';
import { MAX_MESSAGE_BYTES } from './relay.js';
import type { Relay, RelayAnswer, RelayOptions, RelayRequest } from './relay.js';
import type { RequestCredential } from './request-credential.js';
import { sentHeaders } from './sent-headers.js';
import { watchSilence } from './watch-silence.js';

interface Sent {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

type Send = (
  request: Pick<RelayRequest, 'url' | 'credential' | 'headers'>,
  sent: Sent,
  options: Pick<Dispatcher.RequestOptions, 'headersTimeout' | 'bodyTimeout' | 'signal'>,
) => Promise<HttpAnswer>;

const END_TIMEOUT_MS = 5_000;

/** The only way to a server: one POST, one answer, as a message or a stream of them. */
export function createRelay(options: RelayOptions): Relay {
  const send = createSend(options);
  const most = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const exchange = createExchange(send, most);
  return {
    post: ({ body, ...request }) => exchange(request, { method: 'POST', body, headers: JSON_POST }),
    postDirectly: (request, hear) => postDirectly(options, request, hear),
    resume: (request, lastEventId) =>
      exchange(request, { method: 'GET', headers: { accept: 'text/event-stream', 'last-event-id': lastEventId } }),
    listen: (request) =>
      exchange({ ...request, mayBeSilent: () => true }, { method: 'GET', headers: { accept: 'text/event-stream' } }),
    async announcesEndpoint({ idleTimeoutMs, signal, ...request }) {
      try {
        const options = { headersTimeout: idleTimeoutMs, bodyTimeout: 0, signal };
        const response = await send(request, { method: 'GET', headers: { accept: 'text/event-stream' } }, options);
        return await beginsWithEndpoint(response, {
          url: request.url,
          idleTimeoutMs,
          mayBeSilent: undefined,
          large: undefined,
          room: undefined,
          signal,
          maxMessageBytes: MAX_ERROR_BYTES,
        });
      } catch {
        return false; // silence and refusals announce nothing
      }
    },
    async end(request) {
      try {
        discard(await send(request, { method: 'DELETE' }, { signal: AbortSignal.timeout(END_TIMEOUT_MS) }));
      } catch {
        // Its own idle time ends the session then.
      }
    },
  };
}

/** Signs a request and sends it. What is signed is what is sent: nothing changes it afterwards. */
function createSend({ dispatcher, dispatcherWith, userAgent }: RelayOptions): Send {
  function dispatcherFor({ clientCertificate }: RequestCredential): Dispatcher {
    if (clientCertificate === undefined) return dispatcher;
    if (dispatcherWith === undefined)
      throw new SallyportError('client_certificate_unusable', 'No client certificate can be shown here.');
    return dispatcherWith(clientCertificate);
  }

  return async ({ url, credential, headers }, { method, headers: own = {}, body = '' }, options) => {
    const sent = sentHeaders(credential, own, userAgent, headers);
    const signature = await credential.sign?.({ method, url, headers: sent, body });
    return await dispatcherFor(credential).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { ...sent, ...signature, 'accept-encoding': 'identity' },
      ...(body === '' ? {} : { body }),
      ...options,
    });
  };
}

/** Sends a request and reads what the server did. Never rejects: what goes wrong is an answer, too. */
function createExchange(
  send: Send,
  maxMessageBytes: number,
): (request: Omit<RelayRequest, 'body'>, sent: Sent) => Promise<RelayAnswer> {
  return async (request, sent) => {
    let response: HttpAnswer;
    try {
      response = await begin(send, request, sent);
    } catch (error) {
      return { type: 'failed', reason: reasonOf(error), ...byProxy(error) };
    }
    const { url, idleTimeoutMs, mayBeSilent, large, room, signal, maxMessageBytes: most = maxMessageBytes } = request;
    try {
      return await readAnswer(response, {
        url,
        maxMessageBytes: Math.min(most, maxMessageBytes),
        idleTimeoutMs,
        mayBeSilent,
        large,
        room,
        signal,
      });
    } catch (error) {
      discard(response);
      return { type: 'failed', reason: reasonOf(error), status: response.statusCode };
    }
  };
}

/** Sends a request and awaits the head of the answer. A harmless request is sent again when the connection was cut. */
async function begin(send: Send, request: Omit<RelayRequest, 'body'>, sent: Sent): Promise<HttpAnswer> {
  const { idleTimeoutMs, mayBeSilent, signal, isHarmless } = request;
  const silence = new AbortController();
  // A server that answers all at once may be waiting for us before its first byte, too.
  const isPatient = sent.method === 'POST' && mayBeSilent !== undefined;
  const heard = isPatient ? watchSilence({ idleTimeoutMs, mayBeSilent }, (error) => silence.abort(error)) : undefined;
  try {
    const options = {
      headersTimeout: isPatient ? 0 : idleTimeoutMs,
      bodyTimeout: 0, // measured while the body is read
      signal: isPatient ? AbortSignal.any([signal, silence.signal]) : signal,
    };
    return await send(request, sent, options).catch((error: unknown) => {
      if (isHarmless !== true || !isCut(error)) throw error;
      return send(request, sent, options);
    });
  } finally {
    heard?.();
  }
}
