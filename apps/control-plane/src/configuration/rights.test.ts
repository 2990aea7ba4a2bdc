import { expect, test } from 'vitest';
import { Document } from '@sallyport/configuration';
import { TOKEN_HOLDER } from '../admin/actor.js';
import { rightsOf } from './rights.js';

const server = Document.parse({ kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } });
const administrators = (role: string) =>
  Document.parse({ kind: 'Administrators', name: 'pipelines', spec: { role, agents: ['deploy'] } });
const pipeline = (role: 'policy-author' | 'credential-admin') =>
  rightsOf({
    actor: { type: 'agent', id: 'deploy' },
    roles: [role],
    who: { type: 'agent', clientId: 'deploy' },
  });

test('who writes needs the permission for the kind, also to delete; the token file writes all (S29)', () => {
  expect(pipeline('policy-author').refusalOf({ after: server }, [])).toContain('servers:write');
  expect(pipeline('policy-author').refusalOf({ before: server }, [])).toContain('servers:write');
  expect(pipeline('credential-admin').refusalOf({ after: server }, [])).toBeUndefined();
  expect(pipeline('credential-admin').refusalOf({ after: administrators('owner') }, [])).toContain('owner');
  const token = rightsOf({ actor: TOKEN_HOLDER, roles: ['owner'] });
  expect(token.refusalOf({ after: administrators('owner') }, [])).toBeUndefined();
  expect(token.isStillIn([])).toBe(true);
});

test('a writer is still in while the documents give a role that writes (R70)', () => {
  const { isStillIn } = pipeline('policy-author');
  expect(isStillIn([administrators('policy-author')])).toBe(true);
  expect(isStillIn([administrators('viewer')])).toBe(false);
  expect(isStillIn([])).toBe(false);
});
