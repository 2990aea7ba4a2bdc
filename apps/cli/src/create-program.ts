import { Command, Option } from 'commander';
import { addAddCommand } from './commands/add.js';
import { addAgentCommands } from './commands/agents.js';
import { addApplyCommand } from './commands/apply.js';
import { addAuditCommands } from './commands/audit.js';
import { addCompletionCommand } from './commands/completion.js';
import { addConnectionCommands } from './commands/connections.js';
import { addContextCommands } from './commands/contexts.js';
import { addDiffCommand } from './commands/diff.js';
import { addEventCommands } from './commands/events.js';
import { addExportCommand } from './commands/export.js';
import { addHistoryCommands } from './commands/history.js';
import { addKeyCommands } from './commands/keys.js';
import { addLocalCommands } from './commands/local.js';
import { addLoginCommands } from './commands/login.js';
import { addPinCommands } from './commands/pins.js';
import { addPlanCommand } from './commands/plan.js';
import { addRevokeCommand } from './commands/revoke.js';
import { addSchemaCommand } from './commands/schema.js';
import { addSessionCommands } from './commands/sessions.js';
import { addSetupCommand } from './commands/setup.js';
import { addStatusCommand } from './commands/status.js';
import { addUserCommands } from './commands/users.js';
import { addValidateCommand } from './commands/validate.js';
import { addLogStreamCommands } from './commands/log-streams.js';
import { addVaultCommands } from './commands/vault.js';
import { addVerifyCommand } from './commands/verify.js';
import { addWhoamiCommand } from './commands/whoami.js';
import type { Run } from './context.js';
import { VERSION } from './version.js';

type AddCommands = (program: Command, run: Run) => void;

/** By heading of the help, in the order people need them. */
const COMMANDS: readonly (readonly [heading: string, add: readonly AddCommands[]])[] = [
  ['Connect:', [addLoginCommands, addWhoamiCommand, addContextCommands, addSetupCommand]],
  [
    'Configuration as code:',
    [
      addValidateCommand,
      addPlanCommand,
      addApplyCommand,
      addDiffCommand,
      addExportCommand,
      addHistoryCommands,
      addAddCommand,
      addSchemaCommand,
    ],
  ],
  [
    'Look at what runs:',
    [
      addStatusCommand,
      addVerifyCommand,
      addEventCommands,
      addAuditCommands,
      addUserCommands,
      addSessionCommands,
      addAgentCommands,
      addLogStreamCommands,
    ],
  ],
  ['Act on what runs:', [addRevokeCommand, addConnectionCommands, addPinCommands, addKeyCommands, addVaultCommands]],
  ['This program:', [addCompletionCommand]],
];

/** Everything `sallyport` understands. The reference page and the completions are made from what this returns. */
export function createProgram(run: Run): Command {
  const program = new Command('sallyport')
    .description('Administers Sallyport, the identity gateway for MCP: configuration as code, and what runs.')
    .version(VERSION, '-V, --version', 'Print the version of this program')
    .helpOption('-h, --help', 'Print help for a command')
    .helpCommand(false)
    .addOption(new Option('--url <url>', 'Address of the control plane').env('SALLYPORT_URL'))
    .addOption(new Option('--context <name>', 'A system you signed in to').env('SALLYPORT_CONTEXT'))
    .addOption(
      new Option('--token-file <file>', "File with an administrator's token, - for standard input").env(
        'SALLYPORT_ADMIN_TOKEN_FILE',
      ),
    )
    .option('--json', 'Print NDJSON for programs instead of text for people')
    .option('--no-color', 'No colour; so does NO_COLOR')
    .option('--timeout <duration>', 'How long one request may take, such as 30s or 2m')
    .configureHelp({ showGlobalOptions: true, sortOptions: false })
    .configureOutput({
      writeOut: (text) => run.world.stdout.write(text),
      writeErr: (text) => run.world.stderr.write(text),
      getOutHelpWidth: () => run.world.stdout.columns() ?? 100,
      getErrHelpWidth: () => run.world.stderr.columns() ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .exitOverride();
  if (run.world.local !== undefined) {
    program.commandsGroup('On this machine:');
    addLocalCommands(program, run, run.world.local);
  }
  for (const [heading, group] of COMMANDS) {
    program.commandsGroup(heading);
    for (const add of group) add(program, run);
  }
  return program;
}
