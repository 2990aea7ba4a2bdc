import type { AdapterPayload } from 'oidc-provider';

export interface StoredArtefact {
  readonly payload: AdapterPayload;
  /** Seconds since the epoch; absent: does not expire. */
  readonly expiresAt?: number;
  readonly consumedAt?: number;
}

/** Where an artefact store keeps its records. `changed` resolves once the change survives the process, where that is promised. */
export interface ArtefactRecords {
  readonly records: Map<string, StoredArtefact>;
  changed(): Promise<void>;
}

/** Records that end with the process. */
export function memoryArtefacts(): ArtefactRecords {
  return { records: new Map(), changed: async () => undefined };
}
