import { compilePolicies } from '@sallyport/policy';
import { observeCuts, observeEntries, observeUnapproved } from '../observe-calls.js';
import { Catalogues } from '../outbound/catalogues.js';
import { SeenTools } from '../outbound/seen-tools.js';
import type { Foundation } from './foundation.js';
import type { RecordSpool } from './open-record-spool.js';

const MOST_NAMED = 20;

/** What servers list, remembered; and what operators and the trail are told of it. */
export function createCatalogues(
  { config, logger, metrics, clock, configuration }: Foundation,
  { spool }: RecordSpool,
): Catalogues {
  const unapproved = metrics && observeUnapproved(metrics);
  const seenTools = new SeenTools({
    append: (record) => spool.append(record, { hasSharedId: true }),
    replica: config.replica,
    clock,
    policies: () => compilePolicies(configuration.snapshot()),
    onUnapproved: (server, tools) => {
      const named = { server, tools: tools.slice(0, MOST_NAMED), count: tools.length };
      logger.warn(named, 'tools are not approved as they are now');
      unapproved?.(server, tools.length);
    },
    // Why is the spool's to say, once.
    onProblem: (error) => logger.debug({ err: error }, 'a definition that was seen could not be told yet'),
  });
  const observeLeftOut = observeEntries((about) =>
    logger.warn(about, 'a server lists what clients cannot read: it is left out'),
  );
  const observeCut = observeCuts({
    clock,
    say: (about, isWhole) =>
      isWhole
        ? logger.info(about, 'a list of a server is read to its end again')
        : logger.warn(about, 'a list of a server is not read to its end: what comes after is left out'),
  });
  const isTrusted = () => configuration.state().ready && !configuration.state().stale;
  return new Catalogues({
    clock,
    onRead: (kind, listing) => {
      observeLeftOut(kind, listing);
      observeCut(kind, listing);
    },
    onTools: (listing) => (isTrusted() ? seenTools.note(listing) : undefined),
  });
}
