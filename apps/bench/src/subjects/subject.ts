/** Something that stands before the upstream and is measured. */
export interface Subject {
  /** `compared`: the distributed product in the configuration that a scenario is compared with. */
  readonly name: 'bare' | 'nginx' | 'standalone' | 'distributed' | 'two-workers' | 'compared';
  readonly title: string;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** The process under test; its descendants count as part of it. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** A server of the upstream that a scenario uses. */
export interface BenchServer {
  readonly name: string;
  readonly era: 'modern' | 'legacy';
  /** How many tools it lists; two if not said. */
  readonly tools?: number;
  /** Milliseconds before it answers a list, which is each user's own then; else it answers at once, everybody the same. */
  readonly listDelayMs?: number;
}

/** Where the upstream serves it. */
export const pathOf = ({ era, name, tools = 2, listDelayMs }: BenchServer): string =>
  `/${era}/${name}/${tools}${listDelayMs === undefined ? '' : `/${listDelayMs}`}`;
