import { join } from 'node:path';
import type { Clock } from '@sallyport/kernel';
import { openLoopbackServer } from '../loopback/open-loopback-server.js';
import { serveMcp } from '../mcp/serve-mcp.js';
import { fileArtefacts } from '../oidc/file-artefacts.js';
import { createNotesAuthorizationServer, notesScopes } from './create-authorization-server.js';
import { createNotesServer, type NotesIdentity } from './create-notes-server.js';
import { NoteStore } from './note-store.js';

export interface NotesOptions {
  host: string;
  port: number;
  /** Notes, clients, grants and refresh tokens are kept here. */
  dataDir: string;
  /** Short by default, so that refreshing is seen. */
  accessTokenSeconds: number;
  clock: Clock;
}

/** Starts a notes service as a vendor would run it: an MCP server with its own OAuth authorization server. */
export async function startNotes(
  options: NotesOptions,
): Promise<{ url: string; issuer: string; close(): Promise<void> }> {
  const { clock, dataDir } = options;
  const store = await NoteStore.open(join(dataDir, 'notes.json'), clock);
  const artefacts = await fileArtefacts(join(dataDir, 'notes-authorization-server.json'), clock);
  const server = await openLoopbackServer({ name: 'demo notes server', host: options.host, port: options.port });
  const resource = `${server.url}/mcp`;
  const provider = await createNotesAuthorizationServer(server.app, {
    url: server.url,
    resource,
    artefacts,
    accessTokenSeconds: options.accessTokenSeconds,
    clock,
  });
  const endStreams = serveMcp<NotesIdentity>(server.app, {
    url: server.url,
    authorizationServer: provider.issuer,
    scopes: Object.keys(notesScopes),
    authenticate: async (value) => {
      if (value === undefined) return { ok: false };
      const token = await provider.AccessToken.find(value);
      if (token === undefined || token.aud !== resource || token.accountId === undefined)
        return { ok: false, error: 'invalid_token' };
      return { ok: true, identity: { subject: token.accountId, scopes: new Set(token.scope?.split(' ')) } };
    },
    createServer: (identity) => createNotesServer(store, identity),
  });
  await server.ready();
  return {
    url: resource,
    issuer: provider.issuer,
    close: async () => {
      await endStreams();
      await server.close();
    },
  };
}
