import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash.js';
import { commandWords, type CommandWords } from '../completion/command-words.js';
import { fishCompletion } from '../completion/fish.js';
import { zshCompletion } from '../completion/zsh.js';
import { act, type Run } from '../context.js';

const SHELLS: Readonly<Record<string, (words: readonly CommandWords[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export function addCompletionCommand(program: Command, run: Run): void {
  program
    .command('completion')
    .description('Print a script that completes this command line in your shell')
    .addArgument(new Argument('<shell>', 'Which shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', HOW_TO)
    .action(
      act<[string], object>(run, async ({ output }, { args: [shell] }) => {
        const script = SHELLS[shell]?.(commandWords(program)) ?? '';
        output.one('completion', { shell, script }, () => [script.trimEnd()]);
        return Promise.resolve();
      }),
    );
}

const HOW_TO = `
  bash   echo 'source <(sallyport completion bash)' >> ~/.bashrc
  zsh    echo 'source <(sallyport completion zsh)' >> ~/.zshrc
  fish   sallyport completion fish > ~/.config/fish/completions/sallyport.fish`;
