import { HttpReceiver, type ArrivedRequest, type GivenAnswer } from './http-receiver.js';
import { idOf, type TestReceiver } from './test-receiver.js';

export interface HecReceiver extends TestReceiver {
  readonly url: string;
  /** While false, the indexers have nothing on disk yet. */
  acknowledges: boolean;
}

const said = (status: number, code: number, text: string, more: object = {}): GivenAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ text, code, ...more }),
});

/**
 * The HTTP event collector as Splunk documents it ("Format events for HTTP Event Collector", "About HTTP Event Collector
 * Indexer Acknowledgment", "Possible error codes"), with a token that has acknowledgement where `isAcknowledged`.
 * Events are kept when they are acknowledged.
 */
export async function startHecReceiver(token: string, isAcknowledged: boolean): Promise<HecReceiver> {
  const kept: string[] = [];
  const poison = new Set<string>();
  const pending = new Map<string, Map<number, readonly string[]>>();

  const acknowledge = ({ path, body }: ArrivedRequest): GivenAnswer => {
    const batches = pending.get(new URL(path, 'http://x').searchParams.get('channel') ?? '');
    if (batches === undefined) return said(400, 11, 'Invalid data channel');
    const { acks } = JSON.parse(body.toString()) as { acks: number[] };
    const answered = acks.map((ackId) => {
      const events = receiver.acknowledges ? batches.get(ackId) : undefined;
      if (events !== undefined) kept.push(...events);
      // Splunk says it once, and forgets it.
      batches.delete(receiver.acknowledges ? ackId : -1);
      return [String(ackId), events !== undefined];
    });
    return said(200, 0, 'Success', { acks: Object.fromEntries(answered) as object });
  };
  const take = ({ headers, body }: ArrivedRequest): GivenAnswer => {
    const channel = headers['x-splunk-request-channel'];
    if (isAcknowledged && typeof channel !== 'string') return said(400, 10, 'Data channel is missing');
    const events = body
      .toString()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: number; sourcetype: string; event: object });
    const invalid = events.findIndex(({ event }) => poison.has(idOf(event)));
    const valid = (invalid < 0 ? events : events.slice(0, invalid)).map(({ event }) => JSON.stringify(event));
    if (invalid >= 0) {
      kept.push(...valid);
      return said(400, 6, 'Invalid data format', { 'invalid-event-number': invalid });
    }
    if (!isAcknowledged || typeof channel !== 'string') {
      kept.push(...valid);
      return said(200, 0, 'Success');
    }
    const batches = pending.get(channel) ?? new Map<number, readonly string[]>();
    pending.set(channel, batches);
    const ackId = batches.size;
    batches.set(ackId, valid);
    return said(200, 0, 'Success', { ackId });
  };
  const http = new HttpReceiver((request) => {
    if (request.headers.authorization !== `Splunk ${token}`) return said(403, 4, 'Invalid token');
    if (request.path.startsWith('/services/collector/ack')) return acknowledge(request);
    return request.path === '/services/collector/event' ? take(request) : said(404, 404, 'Not Found');
  });
  await http.start();
  const receiver: HecReceiver = {
    http,
    kept: () => Promise.resolve(kept),
    poison,
    url: http.origin,
    acknowledges: true,
    stop: () => http.stop(),
  };
  return receiver;
}
