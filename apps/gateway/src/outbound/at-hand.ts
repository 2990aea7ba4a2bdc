/** Something that is remembered, for whoever wants to use it again. */
export interface AtHand<T> {
  readonly value: T;
  /** Whether it is still what would be found. */
  readonly isCurrent: () => boolean;
}
