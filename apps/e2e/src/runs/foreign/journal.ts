import { existsSync, readFileSync } from 'node:fs';

/**
 * What a peer's tools wrote down when they ran, one line each: `echo <text>`, `slow <text>`, `fail <text>`; `refresh`
 * of its authorization server.
 */
export class Journal {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** How often this line is in it. */
  count(line: string): number {
    return existsSync(this.file)
      ? readFileSync(this.file, 'utf8')
          .split('\n')
          .filter((one) => one === line).length
      : 0;
  }
}
