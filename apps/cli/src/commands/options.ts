import { InvalidArgumentError, Option } from 'commander';

/** `--limit`, as far as one answer of the API goes. */
export const limitOption = (most = 1_000): Option =>
  new Option('--limit <number>', `How many at most, up to ${most}`).default('100').argParser((text) => {
    if (!/^\d{1,4}$/.test(text) || Number(text) < 1 || Number(text) > most)
      throw new InvalidArgumentError(`It is a number from 1 to ${most}.`);
    return text;
  });

export const reasonOption = (): Option => new Option('--reason <text>', 'Why: kept in the trail');
