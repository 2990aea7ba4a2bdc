import { createTwoFilesPatch } from 'diff';
import type { Paint, Style } from './paint.js';
import { printable } from './printable.js';

const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '-': 'red', '@': 'cyan' };
const NOTHING = '/dev/null';

/** One side of a difference: where it stands and what it says; an empty text is nothing at all. */
export interface Side {
  readonly at: string;
  readonly text: string;
}

/** How two texts differ, in the unified format of `diff`. */
export const patchOf = (before: Side, after: Side): string =>
  createTwoFilesPatch(
    before.text === '' ? NOTHING : before.at,
    after.text === '' ? NOTHING : after.at,
    before.text,
    after.text,
  );

/** The lines of a patch for people, without the line of `=` that nobody reads. */
export const patchLines = (patch: string, paint: Paint): string[] =>
  patch
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('====') && !line.startsWith('\\ '))
    .map((line) => paint(STYLES[line[0] ?? ''], printable(line)));
