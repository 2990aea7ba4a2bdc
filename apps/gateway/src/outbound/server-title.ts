import type { DocumentOf } from '@sallyport/configuration';
import { oneLine } from '../dialog/shown-text.js';

const MAX_TITLE = 80;

/** How a server is named in words of ours: on one line, whatever its document says. */
export const titleOf = ({ name, spec }: DocumentOf<'McpServer'>): string =>
  oneLine(spec.title ?? '', MAX_TITLE) || name;
