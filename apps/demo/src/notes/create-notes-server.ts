import { McpServer, ResourceNotFoundError, ResourceTemplate, type CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { MAX_NOTES_PER_ACCOUNT, Note, type NoteStore } from './note-store.js';

/** The account of an access token, and what the token allows. */
export interface NotesIdentity {
  readonly subject: string;
  readonly scopes: ReadonlySet<string>;
}

const Notes = z.object({ notes: z.array(Note) });
const uriOf = (note: Note) => `note://${note.id}`;

/** Creates the MCP server of one request. Its tools and resources reach the notes of one account only. */
export function createNotesServer(store: NoteStore, identity: NotesIdentity): McpServer {
  const server = new McpServer({ name: 'notes', title: 'Notes', version: '1.0.0' });
  registerAdding(server, store, identity);
  registerReading(server, store, identity);
  registerDeleting(server, store, identity);
  registerNotes(server, store, identity);
  return server;
}

function missing(scope: string, { scopes }: NotesIdentity): CallToolResult | undefined {
  return scopes.has(scope) ? undefined : refusal(`This needs the scope ${scope}.`);
}

function registerAdding(server: McpServer, store: NoteStore, identity: NotesIdentity): void {
  const { subject } = identity;
  server.registerTool(
    'add_note',
    {
      title: 'Add a note',
      description: 'Saves a note and returns it with its id.',
      inputSchema: z.object({ text: z.string().min(1).max(4000).describe('What to remember') }),
      outputSchema: Note,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
    },
    async ({ text }) => {
      const refused = missing('notes:write', identity);
      if (refused) return refused;
      const note = await store.add(subject, text);
      return note === undefined
        ? refusal(`An account holds at most ${MAX_NOTES_PER_ACCOUNT} notes.`)
        : answer(note, `Added note ${note.id}: ${note.text}`);
    },
  );
}

function registerReading(server: McpServer, store: NoteStore, identity: NotesIdentity): void {
  const { subject } = identity;
  server.registerTool(
    'list_notes',
    {
      title: 'List notes',
      description: 'Lists all your notes, oldest first.',
      inputSchema: z.object({}),
      outputSchema: Notes,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => missing('notes:read', identity) ?? listing(store.list(subject)),
  );
  server.registerTool(
    'search_notes',
    {
      title: 'Search notes',
      description: 'Lists your notes that contain the given words.',
      inputSchema: z.object({ query: z.string().min(1).max(200).describe('Words to look for') }),
      outputSchema: Notes,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    ({ query }) => missing('notes:read', identity) ?? listing(store.search(subject, query)),
  );
}

function registerDeleting(server: McpServer, store: NoteStore, identity: NotesIdentity): void {
  const { subject } = identity;
  server.registerTool(
    'delete_note',
    {
      title: 'Delete a note',
      description: 'Deletes one of your notes for good.',
      inputSchema: z.object({ id: z.string().min(1).max(64).describe('The id that add_note or list_notes gave') }),
      annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
    },
    async ({ id }) =>
      missing('notes:write', identity) ??
      ((await store.remove(subject, id))
        ? { content: [{ type: 'text', text: `Deleted note ${id}.` }] }
        : refusal(`You have no note ${id}.`)),
  );
}

function registerNotes(server: McpServer, store: NoteStore, identity: NotesIdentity): void {
  const { subject } = identity;
  server.registerResource(
    'note',
    new ResourceTemplate('note://{id}', {
      list: () => ({
        resources: identity.scopes.has('notes:read')
          ? store
              .list(subject)
              .map((note) => ({ uri: uriOf(note), name: note.text.slice(0, 40), mimeType: 'text/plain' }))
          : [],
      }),
    }),
    { title: 'A note', description: 'One of your notes', mimeType: 'text/plain' },
    (uri, { id }) => {
      const note = identity.scopes.has('notes:read') ? store.get(subject, String(id)) : undefined;
      if (note === undefined) throw new ResourceNotFoundError(uri.href);
      return { contents: [{ uri: uriOf(note), mimeType: 'text/plain', text: note.text }] };
    },
  );
}

const refusal = (text: string): CallToolResult => ({ isError: true, content: [{ type: 'text', text }] });
const answer = (value: Record<string, unknown>, text: string): CallToolResult => ({
  structuredContent: value,
  content: [{ type: 'text', text }],
});
const listing = (notes: Note[]): CallToolResult =>
  answer({ notes }, notes.length === 0 ? 'No notes.' : notes.map((note) => `${note.id}: ${note.text}`).join('\n'));
