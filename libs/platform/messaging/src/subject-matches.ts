/** NATS subject matching: `*` is exactly one token, a trailing `>` is one or more. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const actual = subject.split('.');
  for (const [index, token] of wanted.entries()) {
    if (token === '>') return actual.length > index;
    if (actual[index] === undefined || (token !== '*' && token !== actual[index])) return false;
  }
  return wanted.length === actual.length;
}
