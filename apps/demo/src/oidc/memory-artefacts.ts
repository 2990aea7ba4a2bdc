import type { AdapterPayload } from 'oidc-provider';

export interface StoredArtefact {
  readonly payload: AdapterPayload;
  /** Seconds since the epoch; absent: does not expire. */
  readonly expiresAt?: number;
  readonly consumedAt?: number;
}

/** The records of an artefact store. `changed` resolves when the change is stored, in a file if there is one. */
export interface ArtefactRecords {
  readonly records: Map<string, StoredArtefact>;
  changed(): Promise<void>;
}

/** Records that end with the process. */
export function memoryArtefacts(): ArtefactRecords {
  return { records: new Map(), changed: async () => undefined };
}
