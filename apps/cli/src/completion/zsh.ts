import type { CommandWords } from './command-words.js';

/** For zsh with its completion system (`compinit`). */
export function zshCompletion(words: readonly CommandWords[]): string {
  const paths = words.filter(({ path }) => path !== '').map(({ path }) => path);
  return `#compdef sallyport
# zsh completion of sallyport. Load it with: source <(sallyport completion zsh)
_sallyport() {
  local path_="" candidate index
  for ((index = 2; index < CURRENT; index++)); do
    candidate="\${path_:+$path_ }\${words[index]}"
    case "$candidate" in
      (${paths.map((path) => `"${path}"`).join('|')}) path_="$candidate" ;;
    esac
  done
  local -a commands options values
  local files=""
  case "$path_" in
${words.map(zshCase).join('\n')}
  esac
  case "$path_ \${words[CURRENT-1]}" in
${words.flatMap(zshOptionCases).join('\n')}
  esac
  if [[ "\${words[CURRENT]}" == -* ]]; then
    _describe -o option options
  else
    (( \${#commands} )) && _describe command commands
    (( \${#values} )) && compadd -- $values
    [[ -n "$files" ]] && _files
  fi
}
if [[ "$funcstack[1]" == _sallyport ]]; then _sallyport "$@"; else compdef _sallyport sallyport; fi
`;
}

/** `name:description` in single quotes, as \`_describe\` takes it. */
const described = (name: string, description: string): string =>
  `'${`${name.replaceAll(':', '\\:')}:${description}`.replaceAll("'", "'\\''")}'`;

function zshCase({ path, subcommands, options, values, takesFiles }: CommandWords): string {
  return [
    `    ("${path}")`,
    `      commands=(${subcommands.map(({ name, description }) => described(name, description)).join(' ')})`,
    `      options=(${options.map(({ name, description }) => described(name, description)).join(' ')})`,
    `      values=(${values.join(' ')})`,
    `      files="${takesFiles ? 'yes' : ''}" ;;`,
  ].join('\n');
}

function zshOptionCases({ path, options }: CommandWords): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(
      ({ name, choices }) =>
        `    ("${path} ${name}") ${choices.length > 0 ? `compadd -- ${choices.join(' ')}` : '_files'}; return ;;`,
    );
}
