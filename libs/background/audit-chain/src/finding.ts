/**
 * `changed`, `removed`, `added` and `reordered` are of events; `cut-off` and `restored` of the end of the whole chain:
 * somebody removed it, or the store is one of an earlier time; `ends-early` is either. The rest is of checkpoints.
 */
export const FINDING_KINDS = [
  'changed',
  'removed',
  'added',
  'reordered',
  'cut-off',
  'restored',
  'ends-early',
  'checkpoint-refused',
  'checkpoint-removed',
  'checkpoint-changed',
  'checkpoint-out-of-place',
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** One thing that is not as the chain says, and where. What is not known is not there. */
export interface Finding {
  readonly kind: FindingKind;
  /** The checkpoint that says otherwise; with `to`, the first of several. */
  readonly checkpoint?: number | undefined;
  readonly to?: number | undefined;
  readonly writer?: string | undefined;
  /** The number of the event's record among those of its writer. */
  readonly n?: number | undefined;
  readonly sequence?: number | undefined;
  readonly id?: string | undefined;
  /** When the event happened or the checkpoint was made, in milliseconds since the epoch. */
  readonly at?: number | undefined;
  /** One sentence. */
  readonly why: string;
}

/** Of a restored backup somebody knows who restored it. Nobody did: then it is tampering all the same. */
export const isTampering = ({ kind }: Finding): boolean => kind !== 'restored';
