/** Versions of OCSF, as a configuration names them, and what the schema calls itself: 1.9 is not published yet. */
export const OCSF_VERSIONS = { '1.8.0': '1.8.0', '1.9.0': '1.9.0-dev' } as const;
export type OcsfVersion = keyof typeof OCSF_VERSIONS;
