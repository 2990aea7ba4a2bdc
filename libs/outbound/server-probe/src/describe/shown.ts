import { cleanText } from '@sallyport/kernel';

/** What somebody else wrote, as a part of one line of ours. */
export const shown = (text: string): string => cleanText(text, 120);
