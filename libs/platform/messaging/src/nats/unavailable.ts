import { MessagingError } from '../errors.js';

/** Whatever the bus could not do just now: the caller may try again. @throws MessagingError `messaging_unavailable` */
export async function unavailable<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (cause) {
    throw new MessagingError('messaging_unavailable', 'The bus could not do this now.', { cause, detail: cause });
  }
}
