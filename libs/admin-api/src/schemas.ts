import { z } from 'zod';
import { text } from './fields.js';
import { route } from './route.js';

export const schemaRoutes = {
  readSchema: route({
    method: 'GET',
    path: '/v1/schemas/:kind',
    permission: 'configuration:read',
    summary: 'Reads the JSON Schema of documents of a kind, or of any: `documents`.',
    params: z.object({ kind: text(64) }),
    answers: { 200: z.record(z.string(), z.unknown()) },
    problems: { 404: 'There is no such kind.' },
  }),
};
