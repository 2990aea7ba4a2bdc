import { RecordLevel } from '@sallyport/configuration';

/** How much of a call's content is recorded, where anything is. */
export type RecordedLevel = Exclude<RecordLevel, 'none'>;

/** The strictest first. */
const LEVELS: readonly RecordLevel[] = RecordLevel.options;

/** The stricter of what the policies of both hops say; nothing where neither says anything. */
export function stricterLevel(...said: readonly (RecordLevel | undefined)[]): RecordedLevel | undefined {
  const strictest = LEVELS.find((level) => said.includes(level));
  return strictest === 'none' ? undefined : strictest;
}
