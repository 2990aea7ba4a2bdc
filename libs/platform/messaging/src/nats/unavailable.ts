import { SallyportError } from '@sallyport/kernel';

/** Whatever the bus could not do just now: the caller may try again. @throws SallyportError `messaging_unavailable` */
export async function unavailable<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (cause) {
    throw new SallyportError('messaging_unavailable', 'The bus could not do this now.', { cause, detail: cause });
  }
}
