/** What travels in the configuration log: signed change sets, bases in parts, revocations and commands. */
export { ChangeSet, LogEntry, Revocation } from '../change-set.js';
export type { RevocationSubject } from '../change-set.js';
export { signLogEntry, verifyLogEntry } from '../log-entry.js';
export { signCommand, verifyCommand } from '../signed-command.js';
export type { SignedCommandOf } from '../signed-command.js';
export { splitBase } from '../split-base.js';
