import type { World } from '../world.js';
import { paintFor, type Paint } from './paint.js';
import { renderTable, type Column } from './table.js';

/** Of the lines that `--json` writes. Raised only when a field changes its meaning; fields are only ever added. */
export const JSON_FORMAT = 1;

export interface OutputOptions {
  readonly isJson: boolean;
  readonly isColourAllowed: boolean;
  readonly version: string;
}

/** What a command says: tables and sentences to people, NDJSON to programs, and what is no result to stderr. */
export class Output {
  readonly isJson: boolean;
  /** For stdout. */
  readonly paint: Paint;
  readonly #world: World;
  readonly #paintError: Paint;
  #status = '';

  constructor(world: World, { isJson, isColourAllowed, version }: OutputOptions) {
    this.#world = world;
    this.isJson = isJson;
    this.paint = paintFor(world.stdout, isColourAllowed && !isJson);
    this.#paintError = paintFor(world.stderr, isColourAllowed);
    if (isJson) this.#line(JSON.stringify({ type: 'version', version, format: JSON_FORMAT }));
  }

  /** A line for people. */
  say(line = ''): void {
    if (!this.isJson) this.#line(line);
  }

  /** A line for programs. */
  record(type: string, value: object): void {
    if (this.isJson) this.#line(JSON.stringify({ type, value }));
  }

  /** One thing: its record, or what people read. */
  one(type: string, value: object, people: () => readonly string[]): void {
    this.record(type, value);
    if (!this.isJson) for (const line of people()) this.#line(line);
  }

  /** Many of one type: a record each, or a table; `empty` is the sentence when there is none. */
  many<Row extends object>(type: string, rows: readonly Row[], columns: readonly Column<Row>[], empty: string): void {
    for (const row of rows) this.record(type, row);
    if (this.isJson) return;
    if (rows.length === 0) return this.note(empty);
    for (const line of this.table(rows, columns)) this.#line(line);
  }

  table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
    const { stdout } = this.#world;
    return renderTable(rows, columns, { width: stdout.isTerminal ? stdout.columns() : undefined, paint: this.paint });
  }

  /** Something beside the result. Goes to stderr, so that a pipe gets the result alone. */
  note(line: string): void {
    this.#clearStatus();
    this.#world.stderr.write(`${this.#paintError('dim', line)}\n`);
  }

  warn(line: string): void {
    this.#clearStatus();
    this.#world.stderr.write(`${this.#paintError('yellow', 'warning:')} ${line}\n`);
  }

  /** What ended the command. A program reads it as the last line of its NDJSON as well. */
  fail(message: string, advice: readonly string[], exitCode: number): void {
    this.#clearStatus();
    if (this.isJson) this.#line(JSON.stringify({ type: 'error', value: { message, advice, exitCode } }));
    const more = advice.map((line) => `  ${line}\n`).join('');
    this.#world.stderr.write(`${this.#paintError('red', 'error:')} ${message}\n${more}`);
  }

  /** What is being waited for. On a terminal one line that is written over; elsewhere nothing. */
  progress(text: string): void {
    if (!this.#world.stderr.isTerminal) return;
    this.#clearStatus();
    this.#status = text;
    this.#world.stderr.write(this.#paintError('dim', `… ${text}`));
  }

  done(): void {
    this.#clearStatus();
  }

  #clearStatus(): void {
    if (this.#status !== '') this.#world.stderr.write('\r\u001b[2K');
    this.#status = '';
  }

  #line(line: string): void {
    this.#clearStatus();
    this.#world.stdout.write(`${line}\n`);
  }
}
