import type { Page } from '@sallyport/pages';
import { messagePage } from './message-pages.js';

/** @param isCommon whether it is others that sent too many requests, and not this address */
export const busyWords = (isCommon = false): string =>
  isCommon
    ? 'More agents are being connected just now than this server takes on. Nothing was granted; try again in a minute.'
    : 'This browser, or somebody at the same network address, asked for more than one may in a minute. ' +
      'Nothing was granted; try again in a minute.';

export const busyPage = (): Page => ({ ...messagePage('Too many requests', busyWords()), status: 429 });
