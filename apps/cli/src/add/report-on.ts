import type { ServerDescription } from '@sallyport/server-probe';
import type { Output } from '../terminal/output.js';
import { printable } from '../terminal/printable.js';

/**
 * Says what was found of a server, where the official client sees it differently, and what is not known.
 * @param report.isBeside the documents go to standard output, and the report beside it
 */
export function reportOn(
  output: Output,
  report: { readonly url: string; readonly described: ServerDescription; readonly isBeside: boolean },
): void {
  const { facts, differences, unknowns, documents } = report.described;
  for (const fact of facts) output.record('fact', fact);
  for (const difference of differences) output.record('difference', difference);
  for (const unknown of unknowns) output.record('unknown', unknown);
  for (const { document } of documents) output.record('document', document);
  if (output.isJson) return;
  const say = (line = ''): void => (report.isBeside ? output.note(line) : output.say(line));
  say(`What ${printable(report.url)} is:`);
  const rows = output.table(facts, [
    { title: 'WHAT', text: ({ about }) => about },
    { title: 'FOUND', text: ({ found }) => found, least: 24 },
    { title: 'BY', text: ({ how }) => how, least: 16 },
  ]);
  for (const row of rows) say(`  ${row}`);
  if (differences.length > 0) {
    say();
    say('Where the official SDK sees it differently:');
    for (const { about, sdk, sallyport, means } of differences) {
      say(`  ${about}: the SDK ${printable(sdk)}; Sallyport ${printable(sallyport)}`);
      say(`    ${means}`);
    }
  }
  if (documents.length === 0 || unknowns.length === 0) return say();
  say();
  say('What could not be found out, and whose move it is:');
  for (const { what, move, todo } of unknowns) {
    say(`  ${move}: ${printable(what)}`);
    say(`    ${printable(todo)}`);
  }
  say();
}
