import { createAdminClient, type AdminClient, type Called } from '@sallyport/admin-api';
import { openAdminStream, type StreamedName, type StreamOptions } from '@sallyport/admin-api/events';
import { durationMs } from '@sallyport/kernel';
import type { Command } from 'commander';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { proofFor } from './target/proof-for.js';
import { findTarget, type Target } from './target/find-target.js';
import { Output } from './terminal/output.js';
import { VERSION } from './version.js';
import type { World } from './world.js';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly context?: string;
  readonly tokenFile?: string;
  readonly json?: true;
  readonly color: boolean;
  readonly timeout?: string;
}

/** What a command works with. The system is looked for when somebody asks for it: not every command has one. */
export interface Context {
  readonly world: World;
  readonly output: Output;
  readonly options: GlobalOptions;
  target(): Promise<Target>;
  client(): Promise<AdminClient>;
  /** Opens what a route streams; each time whoever asks is proved anew. */
  stream<Name extends StreamedName>(
    name: Name,
    call: Called<Name>,
    options: StreamOptions,
  ): Promise<ReadableStream<Uint8Array>>;
}

export function createContext(world: World, options: GlobalOptions): Context {
  const output = new Output(world, {
    isJson: options.json === true,
    isColourAllowed: options.color && world.environment.NO_COLOR === undefined,
    version: VERSION,
  });
  let target: Promise<Target> | undefined;
  const find = () => (target ??= findTarget(world, options));
  const asking = async () => {
    const found = await find();
    return {
      url: found.url,
      token: await proofFor(world, found),
      fetch: (input: Parameters<typeof fetch>[0], init?: RequestInit) =>
        world.fetch(input, withSignal(init, world.signal)),
    };
  };
  return {
    world,
    output,
    options,
    target: find,
    async client() {
      return createAdminClient({
        ...(await asking()),
        answers: 'loose',
        ...(options.timeout !== undefined && { timeoutMs: timeoutMs(options.timeout) }),
      });
    },
    stream: async (name, call, how) => openAdminStream(await asking(), name, call, how),
  };
}

function withSignal(init: RequestInit | undefined, signal: AbortSignal): RequestInit {
  const given = init?.signal;
  return { ...init, signal: given === undefined || given === null ? signal : AbortSignal.any([given, signal]) };
}

export function timeoutMs(text: string): number {
  const ms = durationMs(text);
  if (ms === undefined || ms === 0)
    throw new CliError(EXIT.invalid, `--timeout ${text} is no duration.`, ['Write it as 30s or 2m.']);
  return ms;
}

/** What a command does; nothing said is 0. */
export type Handler<Arguments extends readonly unknown[], Options> = (
  context: Context,
  given: { readonly args: Arguments; readonly options: Options },
) => Promise<ExitCode | void>;

/** Where the program that holds the command leaves its exit code. */
export interface Run {
  readonly world: World;
  ended(exitCode: ExitCode): void;
  failed(error: unknown, output: Output): void;
}

/** Makes the action of a command (commander gives it the arguments, the options, and the command itself). */
export function act<Arguments extends readonly unknown[], Options>(run: Run, handler: Handler<Arguments, Options>) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const context = createContext(run.world, command.optsWithGlobals<GlobalOptions>());
    try {
      const args = given.slice(0, -2) as readonly unknown[] as Arguments;
      run.ended((await handler(context, { args, options: command.opts<Options & object>() })) ?? EXIT.done);
    } catch (error) {
      run.failed(error, context.output);
    }
  };
}
