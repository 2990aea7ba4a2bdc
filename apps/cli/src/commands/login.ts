import type { Command } from 'commander';
import { act, type Context, type Run } from '../context.js';
import { forgetSignedIn, keepSignedIn, readSignedIn } from '../sign-in/signed-in.js';
import { ContextName, readContexts, writeContexts } from '../target/contexts.js';
import { checkedUrl } from '../target/find-target.js';

export function addLoginCommands(program: Command, run: Run): void {
  program
    .command('login')
    .description('Sign in as an administrator, with your browser; the context is used from then on')
    .argument('[url]', 'Address of the control plane; that of the context, or of an npm start here, unless said')
    .option('--device', 'With a browser on another device: a code is printed')
    .option('--no-browser', 'Print the address and open no browser')
    .action(
      act<[string | undefined], { device?: true; browser: boolean }>(run, async (context, { args: [url], options }) => {
        const { world, output } = context;
        const { name, address } = await contextFor(context, url);
        const { findSignInServer } = await import('../sign-in/sign-in-server.js');
        const server = await findSignInServer(world, address);
        const tokens =
          options.device === true ? await byDevice(context, server) : await byBrowser(context, server, options.browser);
        await keepSignedIn(world, name, address, tokens);
        const known = await readContexts(world);
        const { tokenFile: _, ...kept } = known.contexts[name] ?? { url: address };
        await writeContexts(world, {
          ...known,
          current: name,
          contexts: { ...known.contexts, [name]: { ...kept, url: address } },
        });
        output.done();
        output.one('signed-in', { context: name, url: address }, () => [
          `Signed in at ${address}, as context ${name}.`,
        ]);
      }),
    );
  program
    .command('logout')
    .description('End the sign-in of the context, here and there')
    .action(
      act<[], object>(run, async (context) => {
        const { world, output } = context;
        const { contextName, url } = await context.target();
        const kept = contextName === undefined ? undefined : await readSignedIn(world, contextName, url);
        if (contextName === undefined || kept === undefined) return output.note('Nobody is signed in here.');
        const { endSignIn } = await import('../sign-in/end-sign-in.js');
        const isEnded = await endSignIn(world, kept);
        await forgetSignedIn(world, contextName);
        if (!isEnded) output.warn(`${url} could not be told: the session there ends by itself.`);
        output.one('signed-out', { context: contextName, url }, () => [`Signed out of ${contextName}.`]);
      }),
    );
}

type SignInServer = Awaited<ReturnType<typeof import('../sign-in/sign-in-server.js').findSignInServer>>;

async function byBrowser({ world, output }: Context, server: SignInServer, opensBrowser: boolean) {
  const { signInByBrowser } = await import('../sign-in/by-browser.js');
  const show = (url: string): void => {
    output.note(`Sign in at: ${url}`);
    output.progress('waiting for the browser');
  };
  return await signInByBrowser(world, server, show, opensBrowser);
}

async function byDevice({ world, output }: Context, server: SignInServer) {
  const { signInByDevice } = await import('../sign-in/by-device.js');
  return await signInByDevice(world, server, ({ url, code }) => {
    output.note(`Open ${url} on any device and enter: ${code}`);
    output.progress('waiting for somebody to enter the code');
  });
}

/** The context that is named, or has this address, or a new one called after the host. */
async function contextFor(context: Context, given: string | undefined): Promise<{ name: string; address: string }> {
  const { world, options } = context;
  const { contexts } = await readContexts(world);
  const named = options.context ?? world.environment.SALLYPORT_CONTEXT;
  const known = named === undefined ? undefined : contexts[named];
  const said = given ?? options.url ?? (named === undefined ? undefined : known?.url);
  const address = said === undefined ? (await context.target()).url : checkedUrl(said);
  const same = Object.entries(contexts).find(([, one]) => one.url === address)?.[0];
  return { name: ContextName.parse(named ?? same ?? nameAfter(address)), address };
}

function nameAfter(address: string): string {
  const { hostname, port } = new URL(address);
  const isLocal = hostname === 'localhost' || /^[\d.[\]:]+$/.test(hostname);
  const name = isLocal ? `local${port === '' ? '' : `-${port}`}` : hostname;
  return name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, '-')
    .slice(0, 64);
}
