import pg from 'pg';

/**
 * The statements this process sends to PostgreSQL while `work` runs, each by its beginning: what a request costs,
 * whatever else the machine does. Statements of others that run beside it are among them; whoever counts asks for
 * nothing else meanwhile.
 */
export async function statementsSent(work: () => Promise<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]): unknown {
    const [statement] = args;
    const text =
      typeof statement === 'object' && statement !== null && 'text' in statement ? statement.text : statement;
    sent.push(String(text).replaceAll(/\s+/g, ' ').trim().slice(0, 80));
    return Reflect.apply(query, this, args);
  } as typeof query;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = query;
  }
  return sent;
}
