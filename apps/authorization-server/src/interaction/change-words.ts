/** Words for what has changed since a page was shown, by the names in `Shown`. */
const WORDS: Readonly<Record<string, string>> = {
  agent: 'what the agent says of itself',
  name: 'what the agent says of itself',
  answersTo: 'where its answers go',
  assurance: 'how sure its identity is',
  user: 'who is signed in',
  account: 'who is signed in',
  scopes: 'what it will be able to do',
  abilities: 'what it will be able to do',
  withheld: 'what it will not get',
  providers: 'where you can sign in',
};

/** The notice on a page that is shown again: nothing was done, and what to look at (S35). */
export function changeWords(changed: readonly string[]): string {
  const words = [...new Set(changed.flatMap((name) => WORDS[name] ?? []))];
  const what = words.length === 0 ? 'something on it' : words.join(', ');
  return `Nothing was done: while this page was open, ${what} changed. This is how it is now.`;
}
