export interface DemoUser {
  readonly username: string;
  /** Shown on the sign-in page: this is a demonstration. */
  readonly password: string;
  /** Never changes and is never an address: what other systems may key on. */
  readonly subject: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
}

const user = (username: string, name: string, groups: readonly string[]): DemoUser => ({
  username,
  password: username,
  subject: `idp|${username}`,
  name,
  email: `${username}@example.com`,
  groups,
});

export const demoUsers: readonly DemoUser[] = [
  user('alice', 'Alice Example', ['engineering']),
  user('bob', 'Bob Example', ['sales']),
  user('admin', 'Ada Admin', ['engineering', 'admins']),
];
