/**
 * Everything that reached one agent: URLs it was sent to, status lines, headers, bodies, errors. What is searched when
 * a scenario claims that something never reached the agent.
 */
export class Recording {
  readonly #parts: string[] = [];
  readonly #pending = new Set<Promise<void>>();

  add(part: string): void {
    this.#parts.push(part);
  }

  /** `fetch` that keeps what comes back, also of streams, without holding anything up. */
  readonly fetch = async (input: string | URL, init?: RequestInit): Promise<Response> => {
    const response = await fetch(input, init);
    this.add(`${response.url}\n${response.status}\n${[...response.headers].map((pair) => pair.join(': ')).join('\n')}`);
    const copy = response.clone();
    const reading = copy.text().then(
      (body) => this.add(body),
      (error: unknown) => this.add(String(error)),
    );
    this.#pending.add(reading);
    void reading.finally(() => this.#pending.delete(reading));
    return response;
  };

  /** Waits for bodies still being read. */
  async text(): Promise<string> {
    await Promise.all(this.#pending);
    return this.#parts.join('\n');
  }
}
