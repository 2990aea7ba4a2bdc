import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';
import { JsonFile } from '../storage/json-file.js';

export const Note = z.object({ id: z.string(), text: z.string(), createdAt: z.iso.datetime() });
export type Note = z.infer<typeof Note>;
const Stored = z.array(Note.extend({ owner: z.string() }));

export const MAX_NOTES_PER_ACCOUNT = 1000;

/** Every account's notes. No method takes an id without its owner: nobody's note is found by somebody else. */
export class NoteStore {
  readonly #notes: Map<string, Note & { owner: string }>;
  readonly #file: JsonFile<(Note & { owner: string })[]>;
  readonly #clock: Clock;

  private constructor(path: string, notes: readonly (Note & { owner: string })[], clock: Clock) {
    this.#notes = new Map(notes.map((note) => [note.id, note]));
    this.#file = new JsonFile(path, () => [...this.#notes.values()]);
    this.#clock = clock;
  }

  static async open(path: string, clock: Clock): Promise<NoteStore> {
    return new NoteStore(path, (await JsonFile.read(path, Stored)) ?? [], clock);
  }

  /** Undefined when the account has as many notes as it may have. */
  async add(owner: string, text: string): Promise<Note | undefined> {
    if (this.list(owner).length >= MAX_NOTES_PER_ACCOUNT) return undefined;
    const note = { id: randomUUID().slice(0, 8), text, createdAt: new Date(this.#clock()).toISOString() };
    this.#notes.set(note.id, { ...note, owner });
    await this.#file.save();
    return note;
  }

  list(owner: string): Note[] {
    return [...this.#notes.values()]
      .filter((note) => note.owner === owner)
      .map(({ id, text, createdAt }) => ({ id, text, createdAt }));
  }

  get(owner: string, id: string): Note | undefined {
    return this.list(owner).find((note) => note.id === id);
  }

  search(owner: string, words: string): Note[] {
    const wanted = words.toLowerCase();
    return this.list(owner).filter((note) => note.text.toLowerCase().includes(wanted));
  }

  async remove(owner: string, id: string): Promise<boolean> {
    if (this.get(owner, id) === undefined) return false;
    this.#notes.delete(id);
    await this.#file.save();
    return true;
  }
}
