import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { printable } from '../terminal/printable.js';

export function addWhoamiCommand(program: Command, run: Run): void {
  program
    .command('whoami')
    .description('Show as whom a system knows you, your roles, and what they permit')
    .action(
      act<[], object>(run, async ({ client, target, output }) => {
        const { url, origin } = await target();
        const self = await (await client()).readSelf();
        const { actor, roles, permissions } = self;
        const id = output.paint('dim', `(${actor.type} ${actor.id})`);
        output.one('self', self, () => [
          `${output.paint('bold', printable(actor.name ?? actor.id))}  ${id}`,
          `at     ${url} (${origin})`,
          `roles  ${roles.join(', ')}`,
          `may    ${roles.includes('owner') ? 'everything' : permissions.join(', ')}`,
        ]);
      }),
    );
}
