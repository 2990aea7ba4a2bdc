import { Document, isCollection, isScalar, Scalar, type Document as YamlDocument } from 'yaml';
import type { Difference } from '../plan/difference.js';

/**
 * Writes values of one line where the old ones stand, and leaves every other character.
 * @returns `undefined` where a difference is more than that
 */
export function spliceScalars(
  text: string,
  yaml: YamlDocument,
  differences: readonly Difference[],
): string | undefined {
  const splices = differences.map(({ path, after }) => {
    const old = yaml.getIn(path, true);
    if (!isScalar(old) || !old.range || after === undefined || typeof after === 'object') return undefined;
    const [start, end] = old.range;
    if (end === start || text.slice(start, end).includes('\n')) return undefined;
    const isInFlow = path.some((_, depth) => isFlow(yaml.getIn(path.slice(0, depth), true)));
    const value = renderScalar(after, old.type, isInFlow);
    return value.includes('\n') ? undefined : { start, end, value };
  });
  if (!splices.every((splice) => splice !== undefined)) return undefined;
  return splices
    .toSorted((a, b) => b.start - a.start)
    .reduce((made, { start, end, value }) => `${made.slice(0, start)}${value}${made.slice(end)}`, text);
}

const isFlow = (node: unknown): boolean => isCollection(node) && node.flow === true;

/** In the quotes of the old value, unless it needs others. */
function renderScalar(value: unknown, type: Scalar.Type | undefined, isInFlow: boolean): string {
  const scalar = new Scalar(value);
  if (type !== undefined && typeof value === 'string') scalar.type = type;
  const list = new Document([scalar]);
  const collectionStyle = isInFlow ? 'flow' : 'block';
  const rendered = list.toString({ collectionStyle, flowCollectionPadding: false, lineWidth: 0 }).trim();
  return isInFlow ? rendered.slice(1, -1) : rendered.slice(2);
}
