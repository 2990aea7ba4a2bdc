/** Events in the shape of OCSF. An entry of its own: the gateway, which records events, does not load it. */
export { CLASSES } from './classes.js';
export { MAPPINGS } from './mappings.js';
export { toOcsf } from './to-ocsf.js';
export type { SequencedEvent } from './to-ocsf.js';
export { OCSF_VERSIONS } from './versions.js';
export type { OcsfVersion } from './versions.js';
