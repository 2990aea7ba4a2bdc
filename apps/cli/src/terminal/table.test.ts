import { expect, test } from 'vitest';
import { paintFor, plain } from './paint.js';
import { renderTable, truncate, type Column } from './table.js';

interface Row {
  readonly id: string;
  readonly agent: string;
  readonly calls: number;
}
const columns: readonly Column<Row>[] = [
  { title: 'SESSION', text: ({ id }) => id },
  { title: 'AGENT', text: ({ agent }) => agent, least: 8 },
  { title: 'CALLS', text: ({ calls }) => String(calls), isRight: true },
];
const rows: readonly Row[] = [
  { id: 'ses_1', agent: 'Claude Code on the laptop of alice', calls: 7 },
  { id: 'ses_22', agent: '日本語のエージェント', calls: 1200 },
];

test('columns are aligned by what a terminal shows, wide characters included', () => {
  expect(renderTable(rows, columns, { width: undefined, paint: plain })).toEqual([
    'SESSION  AGENT                               CALLS',
    'ses_1    Claude Code on the laptop of alice      7',
    'ses_22   日本語のエージェント                 1200',
  ]);
});

test('on a narrow terminal only columns that may be cut are cut, and no further than they may be', () => {
  expect(renderTable(rows, columns, { width: 30, paint: plain })).toEqual([
    'SESSION  AGENT           CALLS',
    'ses_1    Claude Code o…      7',
    'ses_22   日本語のエー…    1200',
  ]);
  expect(renderTable(rows, columns, { width: 10, paint: plain })[1]).toBe('ses_1    Claude …      7');
});

test('a text that somebody else chose cannot steer the terminal or break the line', () => {
  const hostile = [{ id: 'ses_1', agent: 'a\u001b[2J\u001b]0;owned\u0007\r\nb\u202e', calls: 1 }];
  expect(renderTable(hostile, columns, { width: undefined, paint: plain })[1]).toBe('ses_1    a[2J]0;owned b      1');
});

test('a wide character is never halved', () => {
  expect(truncate('日本語', 4)).toBe('日…');
  expect(truncate('日本語', 6)).toBe('日本語');
});

test('colour is for terminals only, and does not count as width', () => {
  const styled: Column<Row>[] = [
    { title: 'AGENT', text: ({ agent }) => agent, style: () => 'red' },
    ...columns.slice(2),
  ];
  const lines = renderTable(rows, styled, { width: undefined, paint: paintFor({ isTerminal: true }, true) });
  expect(lines[1]).toBe('\u001b[31mClaude Code on the laptop of alice\u001b[39m      7');
  expect(paintFor({ isTerminal: false }, true)('red', 'x')).toBe('x');
  expect(paintFor({ isTerminal: true }, false)('red', 'x')).toBe('x');
});
