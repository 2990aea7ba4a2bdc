/** For tests: documents of every kind as `fast-check` makes them, and a plan carried out by what it says alone. */
export { arbitraryConfiguration, arbitraryDocument, arbitraryDocuments } from './arbitrary-documents.js';
export { arbitraryOf } from './arbitrary-of-schema.js';
export type { ByField } from './arbitrary-of-schema.js';
export { applyPlan } from './apply-plan.js';
