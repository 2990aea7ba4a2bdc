import { describeApi } from '@sallyport/admin-api/openapi';
import { renderPage } from '@sallyport/pages';
import { expect, test } from 'vitest';
import { operationPage, referencePage, schemaPage } from './reference-pages.js';

const api = describeApi({ version: '1.2.3', url: 'https://control.example' });
const linksOf = (text: string) => [...text.matchAll(/href="(\/v1\/reference[^"]*)"/g)].map(([, to = '']) => to);

/** The text of what a link leads to. */
function open(link: string): string | undefined {
  const [, , , kind, name = ''] = link.split('/');
  const page =
    kind === undefined ? referencePage(api) : kind === 'operations' ? operationPage(api, name) : schemaPage(api, name);
  return page === undefined ? undefined : renderPage(page).html;
}

test('every link of the reference leads to a page of it, and every operation and schema can be reached', () => {
  const seen = new Set<string>();
  const todo = ['/v1/reference'];
  for (const link of todo) {
    if (seen.has(link)) continue;
    seen.add(link);
    const text = open(link);
    expect(text, link).toBeDefined();
    todo.push(...linksOf(text ?? ''));
  }
  const operations = Object.values(api.paths).flatMap((methods) => Object.values(methods));
  expect(seen.size).toBe(1 + operations.length + Object.keys(api.components.schemas).length);
});

test('pages of the reference hold no script, and nothing for a name that is not in it', () => {
  const page = renderPage(referencePage(api));
  expect(page.contentSecurityPolicy).toContain("default-src 'none'");
  expect(page.html).not.toMatch(/<script|onclick=/);
  for (const name of ['__proto__', 'constructor', 'none', '']) {
    expect(operationPage(api, name)).toBeUndefined();
    expect(schemaPage(api, name)).toBeUndefined();
  }
});

test('the page of a kind says what it is, and what its fields are for', () => {
  const page = open('/v1/reference/schemas/McpServer');
  expect(page).toContain('A server behind the gateway.');
  expect(page).toContain('tool names begin with it');
});
