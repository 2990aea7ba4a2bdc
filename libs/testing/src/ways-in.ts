import { readFileSync } from 'node:fs';

/** One row of `docs/ways-in.md`. */
export interface WayInRow {
  /** `GET`, `POST`, …, or `BUS` for a subject. */
  readonly method: string;
  /** With `:name` for what stands for any; of a subject its name. */
  readonly path: string;
  /** What it answers to whoever shows nothing; `undefined` for a subject. */
  readonly withoutCredentials: number | undefined;
}

/** The table of one service, read from the page people read. */
export function waysInOf(service: 'Authorization server' | 'Control plane'): WayInRow[] {
  const page = readFileSync(new URL('../../../docs/ways-in.md', import.meta.url), 'utf8');
  const section = page.split('\n## ').find((part) => part.startsWith(`${service}\n`)) ?? '';
  return [...section.matchAll(/^\| `(?:(GET|POST|PUT|DELETE) )?([^`]+)`(, on the bus)? \|[^|]*\| (\d*) ?\|$/gm)].map(
    ([, method, path = '', bus, status]) => ({
      method: bus === undefined ? (method ?? '') : 'BUS',
      path,
      withoutCredentials: status === undefined || status === '' ? undefined : Number(status),
    }),
  );
}
