import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import type { LocalPrograms } from '../world.js';

/** What the package holds beside the command line: the whole system on this machine, and its demonstration. */
export function addLocalCommands(program: Command, run: Run, local: LocalPrograms): void {
  program
    .command('start')
    .description('Start the whole system on this machine, with a demonstration; settings are variables')
    .action(
      act(run, async ({ world }) => {
        world.handOver();
        return (await local.start()) === 0 ? EXIT.done : EXIT.failed;
      }),
    );
  program
    .command('demo')
    .description('See it work: two people, two agents, tool calls and the trail they leave')
    .argument('[options...]', 'As demo --help says')
    .helpOption(false)
    .allowUnknownOption()
    .action(
      act<[readonly string[]], object>(run, async ({ world }, { args: [options] }) => {
        world.handOver();
        return (await local.demo(options)) === 0 ? EXIT.done : EXIT.failed;
      }),
    );
}
