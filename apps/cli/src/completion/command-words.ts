import type { Argument, Command, Option } from 'commander';

/** What can be typed at one place of a command line. */
export interface CommandWords {
  /** From the program on, e.g. `connections list`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly {
    readonly name: string;
    readonly description: string;
    readonly takesValue: boolean;
    readonly choices: readonly string[];
  }[];
  /** What its arguments may be; `files` where they are paths. */
  readonly values: readonly string[];
  readonly takesFiles: boolean;
}

const FILES = /^(file|dir|folder|path)/i;

/** Of the program and every command below it. */
export function commandWords(program: Command): CommandWords[] {
  const globals = program.options;
  const walk = (command: Command, path: readonly string[]): CommandWords[] => {
    const own = command === program ? [] : command.options;
    const visible = command.createHelp().visibleCommands(command);
    return [
      {
        path: path.join(' '),
        description: command.description(),
        subcommands: visible.map((one) => ({ name: one.name(), description: one.description() })),
        options: [...own, ...globals].filter(({ hidden }) => !hidden).map(optionWords),
        values: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
        takesFiles: command.registeredArguments.some((argument) => isPath(argument)),
      },
      ...visible.flatMap((one) => walk(one, [...path, one.name()])),
    ];
  };
  return walk(program, []);
}

function optionWords(option: Option): CommandWords['options'][number] {
  return {
    name: option.long ?? option.short ?? '',
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

const isPath = (argument: Argument): boolean => FILES.test(argument.name());
