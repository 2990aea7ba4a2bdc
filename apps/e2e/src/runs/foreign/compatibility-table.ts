import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@sallyport/testing';
import type { Outcome } from './outcome.js';
import { CHECKS, checksOf } from './peer.js';

const file = join(repositoryRoot, 'docs', 'compatibility.md');
const marked = /(?<=<!-- foreign -->\n)[\s\S]*?(?=\n<!-- end of foreign -->)/;

/**
 * Writes what a whole run saw into docs/compatibility.md, with its date when anything is new; only compares where
 * `isFinal`.
 * @returns whether the document says what was seen
 */
export function recordOutcomes(outcomes: readonly Outcome[], isFinal: boolean): boolean {
  const document = readFileSync(file, 'utf8');
  const table = tableOf(outcomes);
  if (marked.exec(document)?.[0].includes(`\n${table}\n`) === true) return true;
  if (isFinal) return false;
  writeFileSync(
    file,
    document.replace(marked, `\nLast change of this table: ${new Date().toISOString().slice(0, 10)}.\n\n${table}\n`),
  );
  return true;
}

function tableOf(outcomes: readonly Outcome[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rows = outcomes.map((outcome) => {
    const { peer } = outcome;
    const asked = checksOf(peer);
    const cells = CHECKS.map((check) =>
      !asked.includes(check) ? '–' : outcome.type === 'tried' && outcome.problems[check] === undefined ? 'yes' : 'no',
    );
    return line([peer.what, `\`${peer.package}\``, peer.version, ...cells]);
  });
  return [
    line(['server', 'package', 'version', ...CHECKS]),
    line(Array<string>(CHECKS.length + 3).fill('---')),
    ...rows,
  ].join('\n');
}
