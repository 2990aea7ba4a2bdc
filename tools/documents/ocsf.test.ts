import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderOcsf } from './ocsf-reference.js';

test('docs/ocsf.md has the class and activity of every type of event (R79)', async () => {
  await expect(renderOcsf()).toMatchFileSnapshot(join(process.cwd(), 'docs', 'ocsf.md'));
});
