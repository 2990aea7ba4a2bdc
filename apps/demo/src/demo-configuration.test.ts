import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { demoConfiguration } from './demo-configuration.js';

describe('the demonstration configuration', () => {
  it('is what sallyport.yaml at the root says, for the default ports', async () => {
    expect(await readFile(new URL('../../../sallyport.yaml', import.meta.url), 'utf8')).toBe(demoConfiguration());
  });

  it('names other ports wherever the demonstration listens on them, and only those may be called', () => {
    const moved = demoConfiguration({
      identityProvider: 'http://127.0.0.1:41',
      notes: 'http://127.0.0.1:42/mcp',
      whoami: 'http://127.0.0.1:43/mcp',
    });
    expect(moved).toContain('issuer: http://127.0.0.1:41\n');
    expect(moved).toContain('url: http://127.0.0.1:42/mcp\n');
    expect(moved).toContain('url: http://127.0.0.1:43/mcp\n');
    expect(moved).toContain('ports: [41, 42, 43]');
    expect(moved).not.toMatch(/127\.0\.0\.1:74(03|10|11)/);
  });
});
