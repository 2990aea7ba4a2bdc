import { expect, test } from 'vitest';
import { createAskedAddress } from './asked-address.js';

test.each([
  ['https://gateway.example', 'gateway.example', '/mcp', 'https://gateway.example', '/mcp'],
  ['https://gateway.example', 'GATEWAY.example:443', '/mcp/?a=b', 'https://gateway.example', '/mcp/'],
  ['https://gateway.example', 'gateway.example', '/mcp/notes/', 'https://gateway.example', '/mcp/notes/'],
  [
    'https://gateway.example',
    'gateway.example',
    '/.well-known/oauth-protected-resource',
    'https://gateway.example',
    '/mcp',
  ],
  [
    'https://gateway.example',
    'gateway.example',
    '/.well-known/oauth-protected-resource/',
    'https://gateway.example',
    '/mcp',
  ],
  [
    'https://gateway.example',
    'gateway.example',
    '/.well-known/oauth-protected-resource/mcp/n',
    'https://gateway.example',
    '/mcp/n',
  ],
  ['http://127.0.0.1:7400', 'localhost:7400', '/mcp', 'http://localhost:7400', '/mcp'],
  ['http://127.0.0.1:7400', '[::1]:7400', '/mcp', 'http://[::1]:7400', '/mcp'],
])('%s, asked as %s%s, has its metadata where that agent looks (R15)', (publicUrl, host, url, origin, path) => {
  expect(createAskedAddress(publicUrl)(host, url)).toEqual({
    resource: `${origin}${path}`,
    metadata: `${origin}/.well-known/oauth-protected-resource${path}`,
  });
});
