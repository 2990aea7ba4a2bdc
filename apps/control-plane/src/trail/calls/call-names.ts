import type { AuditEvent } from '@sallyport/audit';

/** Stands for all names beyond those that are counted apart. */
export const OTHERS = '*';

const MOST_AGENTS = 500;
const MOST_SERVERS = 500;
const MOST_TOOLS_OF_SERVER = 200;
/** PostgreSQL takes no key longer than 2,704 bytes; all three together are shorter. */
const MOST_BYTES = 800;

export interface NamesOfCall {
  readonly clientId: string;
  readonly server: string;
  readonly tool: string;
}

/**
 * The names that calls are counted under. Agents make up names of tools, and anybody may register agents: of each
 * kind so many are counted apart, by this process until it is cleared, and all others together.
 */
export class CallNames {
  readonly #agents = new Set<string>();
  readonly #tools = new Map<string, Set<string>>();

  of({ clientId = '', server = '', tool = '' }: Pick<AuditEvent, 'clientId' | 'server' | 'tool'>): NamesOfCall {
    const isKnown = this.#tools.has(server) || hasRoom(server, this.#tools.size, MOST_SERVERS);
    const ofServer = isKnown ? server : OTHERS;
    const tools = this.#tools.get(ofServer) ?? new Set();
    this.#tools.set(ofServer, tools);
    return {
      clientId: named(clientId, this.#agents, MOST_AGENTS),
      server: ofServer,
      tool: named(tool, tools, MOST_TOOLS_OF_SERVER),
    };
  }

  clear(): void {
    this.#agents.clear();
    this.#tools.clear();
  }
}

const hasRoom = (name: string, known: number, most: number): boolean =>
  known < most && Buffer.byteLength(name) <= MOST_BYTES;

function named(name: string, known: Set<string>, most: number): string {
  if (name === '' || known.has(name)) return name;
  if (!hasRoom(name, known.size, most)) return OTHERS;
  known.add(name);
  return name;
}
