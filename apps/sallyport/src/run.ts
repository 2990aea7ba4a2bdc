import { runMain } from '@sallyport/cli';

/** Runs a command; the system and its demonstration are loaded for their own commands only. */
export const run = (env: Readonly<Record<string, string | undefined>>): Promise<void> =>
  runMain(env, {
    async start() {
      const { runStandalone } = await import('@sallyport/standalone');
      await runStandalone(env, { demo: 'npx sallyport demo', verify: 'npx sallyport verify' });
      return exitCode();
    },
    async demo(args) {
      process.argv = [...process.argv.slice(0, 2), ...args];
      await import('@sallyport/demo/main');
      return exitCode();
    },
  });

const exitCode = (): number => Number(process.exitCode ?? 0);
