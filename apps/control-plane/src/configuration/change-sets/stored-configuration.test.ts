import { expect, test } from 'vitest';
import type { Transaction } from '../revision-log.js';
import { StoredConfigurationReader } from './stored-configuration.js';

const server = (name: string, url: string, origin: string | null = null) => ({
  kind: 'McpServer',
  name,
  text: JSON.stringify({ url }),
  revision: 1,
  set: null,
  origin,
  changedAt: new Date(0),
  changedBy: null,
});
type Row = ReturnType<typeof server>;
/** A snapshot of the database in which these are the documents. */
const holding = (...rows: readonly Row[]): Transaction =>
  ({
    $queryRaw: () => Promise.resolve(rows),
    configurationRevision: { findFirst: () => Promise.resolve({ epoch: 'e', revision: 1 }) },
  }) as never;

test('a document is the same object while its text is the same, and another one as soon as it is not', async () => {
  const reader = new StoredConfigurationReader();
  const documentsAt = async (...rows: readonly Row[]) => (await reader.read(holding(...rows))).documents;
  const first = await documentsAt(server('a', 'https://a.example/'), server('b', 'https://b.example/'));
  const second = await documentsAt(server('a', 'https://a.example/', 'a.yaml:1'), server('b', 'https://evil.example/'));
  expect(second.get('McpServer/a')?.document).toBe(first.get('McpServer/a')?.document);
  expect(second.get('McpServer/a')?.origin).toBe('a.yaml:1');
  expect(second.get('McpServer/b')?.document.spec).toMatchObject({ url: 'https://evil.example/' });

  expect([...(await documentsAt(server('b', 'https://b.example/'))).keys()]).toEqual(['McpServer/b']);
  const back = await documentsAt(server('a', 'https://other.example/'), server('b', 'https://b.example/'));
  expect(back.get('McpServer/a')?.document.spec).toMatchObject({ url: 'https://other.example/' });
});

test('what this version does not understand stops the reading, each time', async () => {
  const reader = new StoredConfigurationReader();
  const broken = holding({ ...server('a', 'https://a.example/'), text: '{"nonsense":1}' });
  for (let time = 0; time < 2; time++)
    await expect(reader.read(broken)).rejects.toMatchObject({ code: 'configuration_unreadable' });
});
