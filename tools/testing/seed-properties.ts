import fc from 'fast-check';

/**
 * Property tests draw the same values in every run, so that a run fails by what changed and not by luck.
 * `PROPERTY_SEED=new` draws others, to look for what was missed; a failure says the seed, and `PROPERTY_SEED=<seed>`
 * draws its values again.
 */
const given = process.env['PROPERTY_SEED'] ?? '20261130';
fc.configureGlobal(given === 'new' ? {} : { seed: Number(given) });
