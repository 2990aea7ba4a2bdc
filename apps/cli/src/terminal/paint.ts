import { styleText } from 'node:util';
import type { Sink } from '../world.js';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style | undefined, text: string) => string;

export const plain: Paint = (_style, text) => text;
const coloured: Paint = (style, text) =>
  style === undefined ? text : styleText(style, text, { validateStream: false });

/** Colour is for terminals, unless `NO_COLOR` or `--no-color` forbids it. */
export const paintFor = (sink: Pick<Sink, 'isTerminal'>, isColourAllowed: boolean): Paint =>
  sink.isTerminal && isColourAllowed ? coloured : plain;
