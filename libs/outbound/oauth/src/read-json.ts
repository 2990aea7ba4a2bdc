/** The JSON object a response carries, as far as it says something, else `undefined`; never throws. */
export async function readJsonObject(response: Response): Promise<Record<string, unknown> | undefined> {
  const value: unknown = await response.json().catch(() => undefined);
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? whatIsSaid(value) : undefined;
}

/** Without the members that are `null` or `""`: many servers write every field they know, set or not. */
export function whatIsSaid(object: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, member]) => member !== null && member !== ''));
}
