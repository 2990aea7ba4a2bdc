import type { Writable } from 'node:stream';

const codes = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;
const WIDTH = 100;

/** What the demonstration prints: numbered chapters with facts and how long each took. */
export class Report {
  readonly #out: Writable;
  readonly #colour: boolean;
  #chapter = 0;

  constructor(out: Writable, colour: boolean) {
    this.#out = out;
    this.#colour = colour;
  }

  title(text: string, note: string): void {
    this.#line(`\n${this.#paint('bold', text)}  ${this.#paint('dim', note)}`);
  }

  chapter(text: string): void {
    this.#chapter += 1;
    this.#line(`\n${this.#paint('bold', `${this.#chapter}  ${text}`)}`);
  }

  /** Something that happened as it should, after `ms` milliseconds. */
  fact(text: string, ms?: number): void {
    this.#entry(this.#paint('green', '✓'), text, ms);
  }

  /** What the user does in the browser. */
  page(text: string): void {
    this.#entry(this.#paint('cyan', '▸'), text);
  }

  /** Something refused, as it should be. */
  refusal(text: string, ms?: number): void {
    this.#entry(this.#paint('yellow', '✗'), text, ms);
  }

  detail(text: string): void {
    for (const line of text.split('\n')) this.#line(`       ${this.#paint('dim', line)}`);
  }

  end(text: string): void {
    this.#line(`\n${this.#paint('green', '✓')} ${this.#paint('bold', text)}\n`);
  }

  failure(text: string): void {
    this.#line(`\n${this.#paint('red', '✗')} ${text}\n`);
  }

  #entry(mark: string, text: string, ms?: number): void {
    if (ms === undefined) return this.#line(`   ${mark} ${text}`);
    const took = this.#paint('dim', `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`);
    this.#line(`   ${mark} ${text}${' '.repeat(Math.max(2, WIDTH - 5 - text.length))}${took}`);
  }

  #paint(name: keyof typeof codes, text: string): string {
    return this.#colour ? `\u001b[${codes[name]}m${text}\u001b[0m` : text;
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`);
  }
}
