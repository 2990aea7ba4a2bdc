import { linesOfPlan, type LocateField, type Plan } from '@sallyport/declaration';
import type { Output } from '../terminal/output.js';
import { printable } from '../terminal/printable.js';
import type { Style } from '../terminal/paint.js';

const STYLES: Readonly<Record<string, Style>> = { '+': 'green', '~': 'yellow', '-': 'red', '!': 'yellow' };

/** Says what a plan does: a line for each field that changes, the summary last. */
export function showPlan(output: Output, plan: Plan, locate?: LocateField): void {
  output.record('plan', { base: plan.base, set: plan.set, unchanged: plan.unchanged, left: plan.left });
  for (const change of plan.changes) output.record('change', change);
  for (const warning of plan.warnings) output.record('warning', warning);
  for (const { sign, text } of linesOfPlan(plan, locate)) output.say(output.paint(STYLES[sign], printable(text)));
}
