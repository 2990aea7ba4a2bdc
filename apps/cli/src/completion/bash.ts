import type { CommandWords } from './command-words.js';

/** For bash 4 and newer; needs nothing of the package bash-completion. */
export function bashCompletion(words: readonly CommandWords[]): string {
  const paths = words.filter(({ path }) => path !== '').map(({ path }) => path);
  return `# bash completion of sallyport. Load it with: source <(sallyport completion bash)
_sallyport() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="" candidate index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    candidate="\${path:+$path }\${COMP_WORDS[index]}"
    case "$candidate" in
      ${paths.map((path) => `"${path}"`).join(' | ')}) path="$candidate" ;;
    esac
  done
  local commands="" options="" values="" files=""
  case "$path" in
${words.map(bashCase).join('\n')}
  esac
  case "$path $before" in
${words.flatMap(bashOptionCases).join('\n')}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$commands $values" -- "$word"))
    [[ -n "$files" ]] && COMPREPLY+=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -o bashdefault -F _sallyport sallyport
`;
}

function bashCase({ path, subcommands, options, values, takesFiles }: CommandWords): string {
  return [
    `    "${path}")`,
    `      commands="${subcommands.map(({ name }) => name).join(' ')}"`,
    `      options="${[...options.map(({ name }) => name), '--help'].join(' ')}"`,
    `      values="${values.join(' ')}"`,
    `      files="${takesFiles ? 'yes' : ''}" ;;`,
  ].join('\n');
}

/** What follows an option that takes a value: its choices, or a file where it is one. */
function bashOptionCases({ path, options }: CommandWords): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ name, choices }) => {
      const reply =
        choices.length > 0
          ? `COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word"))`
          : 'COMPREPLY=($(compgen -f -- "$word"))';
      return `    "${path} ${name}") ${reply}; return ;;`;
    });
}
