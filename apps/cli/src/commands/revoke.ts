import { RevocationRequest } from '@sallyport/admin-api';
import { Option, type Command } from 'commander';
import { CliError } from '../cli-error.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { reasonOption } from './options.js';

interface Options {
  readonly user?: string;
  readonly agent?: string;
  readonly session?: string;
  readonly server?: string;
  readonly credentialProvider?: string;
  readonly block?: true;
  readonly connections?: 'unused' | 'all' | 'none';
  readonly reason?: string;
}

export function addRevokeCommand(program: Command, run: Run): void {
  program
    .command('revoke')
    .description('End access at once, everywhere: of a user, an agent, both, a session, a server or a provider')
    .option('--user <id>', 'Everything of a user (usr_…); with --agent, of this user through that agent')
    .option('--agent <clientId>', 'Everything of an agent')
    .option('--session <sid>', 'One session of an agent (ses_…)')
    .option('--server <name>', 'Everything leased for a server')
    .option('--credential-provider <name>', 'Everything leased from a credential provider')
    .option('--block', 'Also refuse what is issued from now on, for users and agents')
    .addOption(
      new Option('--connections <which>', 'Which connections end with it; of an agent `unused` unless said').choices([
        'unused',
        'all',
        'none',
      ]),
    )
    .addOption(reasonOption())
    .action(
      act<[], Options>(run, async ({ client, output }, { options }) => {
        const wanted = RevocationRequest.safeParse(options);
        if (!wanted.success) {
          const sentences = wanted.error.issues.map(({ path, message }) => [...path, message].join(' '));
          throw new CliError(EXIT.invalid, `It is not clear what to revoke: ${sentences.join('; ')}.`, [
            'For example: sallyport revoke --user usr_… --reason "left the company"',
          ]);
        }
        const revoked = await (await client()).revoke({ body: wanted.data });
        output.one('revocation', revoked, () => [
          `Revoked: in force since revision ${revoked.revision}. ${revoked.disconnected} connections ended with it.`,
        ]);
      }),
    );
}
