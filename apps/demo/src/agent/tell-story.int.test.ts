import { Writable } from 'node:stream';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLoopbackServer } from '../loopback/open-loopback-server.js';
import { Report } from './report.js';
import { tellStory } from './tell-story.js';

let dataDir: string;
let printed: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'story-'));
  printed = '';
});
afterEach(() => rm(dataDir, { recursive: true }));

const report = () =>
  new Report(
    new Writable({
      write: (chunk, _encoding, done) => {
        printed += String(chunk);
        done();
      },
    }),
    false,
  );

describe('the demonstration', () => {
  it('says that nothing is running, and how to start it', async () => {
    const told = tellStory(
      { gatewayUrl: 'http://127.0.0.1:1', controlPlaneUrl: 'http://127.0.0.1:1', dataDir, colour: false },
      report(),
    );
    await expect(told).rejects.toMatchObject({ code: 'not_running', message: expect.stringContaining('npm start') });
    expect(printed).toBe('');
  });

  it('says which file holds no administrator token', async () => {
    const gateway = await openLoopbackServer({ name: 'stub gateway', host: '127.0.0.1', port: 0 });
    gateway.app.get('/.well-known/oauth-protected-resource/mcp', () => ({}));
    await gateway.ready();
    const told = tellStory({ gatewayUrl: gateway.url, controlPlaneUrl: gateway.url, dataDir, colour: false }, report());
    await expect(told).rejects.toMatchObject({
      code: 'admin_token_missing',
      message: expect.stringContaining(join(dataDir, 'admin-token')),
    });
    await gateway.close();
  });

  it('prints colours only where they are wanted', () => {
    report().fact('a fact', 12.34);
    expect(printed).toMatch(/^ {3}✓ a fact {2,}12 ms\n$/);
  });
});
