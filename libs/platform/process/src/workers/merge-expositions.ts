/** What one process exposes, in Prometheus' text format. */
export interface WorkerExposition {
  /** The number of the worker; absent for what the supervisor itself counts. */
  readonly worker?: number;
  readonly text: string;
}

interface Family {
  /** `# HELP` and `# TYPE`, as the first process wrote them. */
  readonly head: string[];
  readonly samples: string[];
}

/**
 * Several expositions as one, so that whoever collects asks one address: each sample of a worker has the label
 * `worker="<number>"`, and the samples of a metric stand together, as the format demands.
 */
export function mergeExpositions(parts: readonly WorkerExposition[]): string {
  const families = new Map<string, Family>();
  for (const { worker, text } of parts) {
    let family: Family | undefined;
    const described = new Set(families.keys());
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const head = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (head === null) {
        family?.samples.push(worker === undefined || line.startsWith('#') ? line : withWorker(line, worker));
        continue;
      }
      const name = head[1] ?? '';
      family = families.get(name) ?? { head: [], samples: [] };
      families.set(name, family);
      if (!described.has(name)) family.head.push(line);
    }
  }
  return [...families.values()].flatMap(({ head, samples }) => [...head, ...samples, '']).join('\n');
}

function withWorker(sample: string, worker: number): string {
  const [, name = '', labels, rest = ''] = /^([^{\s]+)(?:\{(.*)\})?(\s.*)$/.exec(sample) ?? [];
  const own = `worker="${worker}"`;
  return `${name}{${labels === undefined || labels === '' ? own : `${own},${labels}`}}${rest}`;
}
