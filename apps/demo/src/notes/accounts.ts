export interface NotesAccount {
  readonly username: string;
  /** Shown on the sign-in page: this is a demonstration. */
  readonly password: string;
  readonly subject: string;
  readonly name: string;
}

const account = (username: string, name: string): NotesAccount => ({
  username,
  password: `${username}-notes`,
  subject: `notes|${username}`,
  name,
});

/** The accounts of the notes service: its own, unknown to the company's identity provider. */
export const notesAccounts: readonly NotesAccount[] = [
  account('alice', 'Alice at Notes'),
  account('bob', 'Bob at Notes'),
  account('admin', 'Ada at Notes'),
];
