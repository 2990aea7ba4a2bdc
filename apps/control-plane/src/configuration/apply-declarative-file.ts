import { documentKey } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { ALL_RIGHTS, type ChangeRefusal } from './change-sets/change-request.js';
import type { ChangeSets, WrittenChange } from './change-sets/change-sets.js';
import { namesOf } from './change-sets/tell-of-change.js';
import type { DesiredConfiguration } from './read-declarative-file.js';

/** The set of the declarative file, unless configured. */
export const DECLARATIVE_SET = 'file';

/**
 * Makes the documents of a set be exactly those of the declarative file, as one revision. What somebody else wrote, or
 * changed or deleted in the set, stays as it is: a start undoes nothing, and says what it left alone. Whoever writes
 * the file holds the machine, so it may also take away the last administrator.
 * @throws SallyportError `declaration_invalid`: with what others wrote, the configuration would not be valid
 */
export async function applyDeclarativeFile(
  changeSets: Pick<ChangeSets, 'write'>,
  { documents, originOf, secrets }: DesiredConfiguration,
  { set, logger }: { readonly set: string; readonly logger: Pick<Logger, 'info' | 'warn'> },
): Promise<WrittenChange> {
  const outcome = await changeSets.write({
    actor: { type: 'file', id: set },
    rights: ALL_RIGHTS,
    source: 'file',
    set,
    puts: documents.map((document) => ({ document, origin: originOf(document), pointer: '' })),
    prune: true,
    force: true,
    others: 'leave',
    secrets,
  });
  if (outcome.type !== 'written') throw invalid(outcome);
  if (outcome.changed) {
    const { epoch, revision, plan } = outcome;
    logger.info({ epoch, revision, documents: namesOf(plan.changes) }, 'configuration changed');
  }
  if (outcome.left.length > 0)
    logger.warn(
      { documents: namesOf(outcome.left), set },
      'documents of the declarative file were changed or deleted elsewhere and stay as they are: ' +
        'write them there, or apply the file as a change set of its set that takes them over',
    );
  return outcome;
}

function invalid(refusal: ChangeRefusal): SallyportError {
  if (refusal.type !== 'invalid-documents')
    return new SallyportError('declaration_invalid', `The declarative file cannot be applied: ${refusal.type}.`);
  const lines = refusal.errors.map(({ kind, name, origin, message }) => {
    const at = origin === undefined ? 'written elsewhere' : origin;
    return `  ${at}: ${kind === undefined ? '' : `${documentKey({ kind, name: name ?? '' })}: `}${message}`;
  });
  return new SallyportError(
    'declaration_invalid',
    `The declarative file does not fit what else is configured:\n${lines.slice(0, 20).join('\n')}`,
  );
}
