const SYSTEM = 24;
const COMMAND_LINE = 22;

/**
 * What to say to a Node that is too old for what was asked of it: the whole system wants a newer one than its command
 * line.
 * @param version such as `24.21.0` @param command the first argument
 */
export function whyTooOld(version: string, command: string | undefined): string | undefined {
  const wanted = command === 'start' || command === 'demo' ? SYSTEM : COMMAND_LINE;
  if (Number(version.split('.')[0]) >= wanted) return undefined;
  const what = command === undefined ? 'sallyport' : `sallyport ${command}`;
  return (
    `${what} needs Node.js ${wanted} or newer, and this is ${version}: ` +
    'install a current one from https://nodejs.org.'
  );
}
