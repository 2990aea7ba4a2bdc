/** What controllers record events with: a `RecordEvent`. */
export const LIFECYCLE = Symbol('lifecycle');
