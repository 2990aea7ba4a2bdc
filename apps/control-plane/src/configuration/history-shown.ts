import type { ChangeSetSummary, RecordedChange } from './change-sets/document-reader.js';

/** A change set as the API shows it. */
export const summaryShown = ({ at, ...summary }: ChangeSetSummary) => ({ ...summary, at: at.toISOString() });

/** What became of a document as the API shows it. */
export const changeShown = ({ kind, name, action, before, after, secrets }: RecordedChange) => ({
  kind,
  name,
  action,
  before,
  after,
  secrets,
});
