import { Person, type PersonName } from './person.js';
import { sallyport, type CommandLineOptions, type Ended } from '../system/command-line.js';

/** Types `login`, and goes through the pages as this person; the browser comes back to the loopback port. */
export async function logInAt(
  controlPlaneUrl: string,
  name: PersonName,
  machine: CommandLineOptions,
  ...more: readonly string[]
): Promise<Ended> {
  let browser: Promise<void> | undefined;
  const ended = await sallyport(['login', controlPlaneUrl, '--no-browser', ...more], {
    ...machine,
    watchErrors(stderr, kill) {
      const [, address] = /^Sign in at: (\S+)$/m.exec(stderr) ?? [];
      if (address === undefined || browser !== undefined) return;
      browser = visit(name, address);
      browser.catch(() => kill('SIGINT')); // nobody comes back
    },
  });
  await browser;
  return ended;
}

async function visit(name: PersonName, address: string): Promise<void> {
  const agentRedirectUri = new URL(address).searchParams.get('redirect_uri') ?? '';
  const landing = await new Person(name, { agentRedirectUri }).visit(address);
  if (landing.type !== 'stopped') throw new Error(landing.page.text);
  await fetch(landing.url);
}
