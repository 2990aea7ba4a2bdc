import { SallyportError } from '@sallyport/kernel';

/** Every code of this library, and what it says: an outage passes by itself, a failure does not. */
const codes = {
  /** This process has closed the bus. */
  messaging_closed: 'outage',
  /** Nobody serves the subject, or there is no such replica. */
  messaging_no_responder: 'outage',
  /** No answer in time: the request may have been done, or not. */
  messaging_timeout: 'outage',
  /** The connection is down, or the bus could not do this just now. */
  messaging_unavailable: 'outage',
  /** At the start: nothing answers at the address, or it does not serve this replica. */
  messaging_unreachable: 'outage',
  /** Whoever serves the subject failed; why is in its own log. */
  messaging_request_failed: 'failure',
  messaging_too_large: 'failure',
  /** Events have one consumer in a process. */
  messaging_consumer_exists: 'failure',
  /** At the start: the bus does not accept this replica's key. */
  messaging_refused: 'failure',
  bus_name_invalid: 'failure',
  nkey_unreadable: 'failure',
  configuration_base_empty: 'failure',
  configuration_entry_too_large: 'failure',
  event_too_large: 'failure',
  event_batch_undecodable: 'failure',
  request_undecodable: 'failure',
  reply_subject_refused: 'failure',
} as const satisfies Readonly<Record<string, 'outage' | 'failure'>>;

export type MessagingErrorCode = keyof typeof codes;

/** What this library throws. Its code alone says whether it is an outage; see `isOutage`. */
export class MessagingError extends SallyportError<MessagingErrorCode> {
  constructor(code: MessagingErrorCode, message: string, options: { detail?: unknown; cause?: unknown } = {}) {
    super(code, message, { ...options, isOutage: codes[code] === 'outage' });
  }
}
