import { readFileSync } from 'node:fs';

/** A process and the one that started it. */
interface Link {
  readonly pid: number;
  readonly parent: number;
}
/** What is known of a process while it lives. */
export interface ProcessFacts {
  readonly parent: number;
  readonly command: string;
}
export type ReadProcess = (pid: number) => ProcessFacts | undefined;

const CHECK_MS = 500;
/** npm, a shell and our own bootstrap are four at most. */
const MOST_LINKS = 6;
/** `npm start`, as npm calls itself, or the file of npm or of a relative of it that Node runs. */
const PACKAGE_MANAGER = /(?:^|[/\s])(?:npm|npx|pnpm|yarn)(?:-cli)?(?:\.[cm]?js)?(?:\s|$)/;

/**
 * From this process up to the npm that started it; empty when none did. A shell that npm runs us by dies of a signal
 * without passing it on, and whoever kills npm means us: nobody else is there to stop us then.
 */
export function linksToStarter(
  read: ReadProcess = readProcess,
  own: Link = process.pid === 1 ? { pid: 1, parent: 0 } : { pid: process.pid, parent: process.ppid },
): readonly Link[] {
  const links: Link[] = [own];
  for (let { parent } = own; parent > 1 && links.length <= MOST_LINKS;) {
    const facts = read(parent);
    if (!facts) return [];
    if (PACKAGE_MANAGER.test(facts.command)) return links;
    links.push({ pid: parent, parent: facts.parent });
    ({ parent } = facts);
  }
  return [];
}

/**
 * Stops this process in order once npm, or what is between it and us, is gone. Where the system has no `/proc`, nobody
 * is followed.
 */
export function followStarter({
  stop,
  say,
}: {
  readonly stop: () => void;
  readonly say: (sentence: string) => void;
}): void {
  const links = linksToStarter();
  if (links.length === 0) return;
  const timer = setInterval(() => {
    if (links.every(({ pid, parent }) => (pid === process.pid ? process.ppid : readProcess(pid)?.parent) === parent))
      return;
    clearInterval(timer);
    say('npm, which started this, is gone: everything is stopped.');
    stop();
  }, CHECK_MS).unref();
}

function readProcess(pid: number): ProcessFacts | undefined {
  try {
    // The name in brackets may hold anything; state and parent follow the last one (proc_pid_stat(5)).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    return { parent, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() };
  } catch {
    return undefined; // it is gone, or this is no Linux
  }
}
