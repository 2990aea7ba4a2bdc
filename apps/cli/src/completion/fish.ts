import type { CommandWords } from './command-words.js';

/** For fish 3 and newer. */
export function fishCompletion(words: readonly CommandWords[]): string {
  const paths = words.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return [
    '# fish completion of sallyport. Load it with: sallyport completion fish | source',
    'function __sallyport_at',
    '  set -l path ""',
    '  for word in (commandline -opc)[2..-1]',
    '    set -l candidate (string trim -- "$path $word")',
    `    contains -- $candidate ${paths.join(' ')}; and set path $candidate`,
    '  end',
    '  test "$path" = "$argv[1]"',
    'end',
    'complete -c sallyport -f',
    ...words.flatMap(fishLines),
    '',
  ].join('\n');
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fishLines({ path, subcommands, options, values, takesFiles }: CommandWords): string[] {
  const at = `complete -c sallyport -n ${quoted(`__sallyport_at ${quoted(path)}`)}`;
  return [
    ...subcommands.map(({ name, description }) => `${at} -a ${quoted(name)} -d ${quoted(description)}`),
    ...values.map((value) => `${at} -a ${quoted(value)}`),
    ...(takesFiles ? [`${at} -F`] : []),
    ...options.map(({ name, description, takesValue, choices }) =>
      [
        `${at} -l ${name.replace(/^--/, '')} -d ${quoted(description)}`,
        ...(takesValue ? [choices.length > 0 ? `-x -a ${quoted(choices.join(' '))}` : '-r -F'] : []),
      ].join(' '),
    ),
  ];
}
