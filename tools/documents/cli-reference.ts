import type { Command, Option } from 'commander';

const intro = (exitCodes: readonly (readonly [code: number, words: string])[], format: number): string[] => [
  '# The command line `sallyport`',
  '',
  'Everything an administrator does, from a terminal or a pipeline. In a clone: `npm run -s cli -- status`. It talks to the',
  'administrators’ API alone, so it runs wherever the control plane can be reached.',
  '',
  'This page is made from the definitions of the commands; `npm test -- unit tools/documents -u` makes it anew.',
  '',
  '## Which system',
  '',
  'What is said wins over what is kept: `--url` or `--context`, then `SALLYPORT_URL` or `SALLYPORT_CONTEXT`, then the context in',
  'use (`sallyport contexts`), then an `npm start` whose data directory (`.sallyport`) is here or in a folder above. An address must be',
  '`https`, but for this machine.',
  '',
  'Nothing secret is an argument: other users of a machine can read those. A token comes from a file (`--token-file`,',
  '`SALLYPORT_ADMIN_TOKEN_FILE`), from standard input (`--token-file -`), or from the sign-in of the context.',
  '',
  '## Exit codes',
  '',
  '| code | means |',
  '|---|---|',
  ...exitCodes.map(([code, words]) => `| ${code} | ${words} |`),
  '',
  '## Output',
  '',
  'Results go to standard output, everything else (notes, progress, warnings, errors) to standard error. Colour and progress are for',
  'terminals only; `NO_COLOR` and `--no-color` forbid colour. Tables are cut to the width of a terminal, and never in a pipe.',
  '',
  '`--json` prints NDJSON: a line for each thing, `{ "type": "…", "value": { … } }`. The first line is',
  `\`{ "type": "version", "version": "…", "format": ${format} }\`; an error is the last one. Fields and types are only ever added; what changes its`,
  'meaning raises `format`.',
];

/** The reference page: each command with its usage, arguments and options, in the order of the help. */
export function renderCliReference(
  program: Command,
  exitCodes: readonly (readonly [code: number, words: string])[],
  format: number,
): string {
  return [
    ...intro(exitCodes, format),
    '',
    '## Options of every command',
    '',
    ...optionTable(program.options),
    ...commandsOf(program).flatMap((command) => section(command, 'sallyport', 2)),
    '',
  ].join('\n');
}

const commandsOf = (command: Command): Command[] => command.createHelp().visibleCommands(command);

function section(command: Command, before: string, level: number): string[] {
  const name = `${before} ${command.name()}`;
  const children = commandsOf(command);
  const usage = command.usage().replace('[options]', '').replace('[command]', '').trim();
  const synopsis = children.length > 0 ? [] : ['', '```sh', `${name}${usage === '' ? '' : ` ${usage}`}`, '```'];
  const values = command.registeredArguments.map(
    (argument) =>
      `| \`${argument.name()}\` | ${escaped(argument.description)}${choices(argument.argChoices)}${argument.required ? '' : ' (optional)'} |`,
  );
  const defaultCommand = defaultOf(command);
  return [
    '',
    `${'#'.repeat(level)} \`${name}\``,
    '',
    `${escaped(command.description())}.${defaultCommand === undefined ? '' : ` Alone it means \`${name} ${defaultCommand}\`.`}`,
    ...synopsis,
    ...(values.length > 0 ? ['', '| argument | what |', '|---|---|', ...values] : []),
    ...(command.options.length > 0 ? ['', ...optionTable(command.options)] : []),
    ...children.flatMap((child) => section(child, name, level + 1)),
  ];
}

/** Commander keeps the name of the default command to itself. */
function defaultOf(command: Command): string | undefined {
  const { _defaultCommandName } = command as Command & { readonly _defaultCommandName?: string | null };
  return _defaultCommandName ?? undefined;
}

const optionTable = (options: readonly Option[]): string[] => [
  '| option | what |',
  '|---|---|',
  ...options
    .filter(({ hidden }) => !hidden)
    .map((option) => {
      const more = [
        option.argChoices === undefined ? '' : choices(option.argChoices),
        typeof option.defaultValue === 'string' ? `; \`${option.defaultValue}\` unless said` : '',
        option.envVar === undefined ? '' : `; or \`${option.envVar}\``,
      ];
      return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${escaped(option.description)}${more.join('')} |`;
    }),
];

const choices = (values: readonly string[] | undefined): string =>
  values === undefined ? '' : `: ${values.map((value) => `\`${value}\``).join(', ')}`;

const escaped = (text: string): string => text.replaceAll('|', '\\|');
