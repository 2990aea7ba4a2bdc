import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readStoryConfig } from './config.js';

describe('where the demonstration looks for the system', () => {
  it('is the default ports and data directory', () => {
    expect(readStoryConfig([], true, {})).toEqual({
      gatewayUrl: 'http://127.0.0.1:7400',
      controlPlaneUrl: 'http://127.0.0.1:7402',
      dataDir: resolve('.sallyport'),
      colour: true,
    });
  });

  it('is what the environment of npm start says, and what a flag says before that', () => {
    const env = {
      SALLYPORT_GATEWAY_PORT: '1',
      SALLYPORT_CONTROL_PLANE_PORT: '2',
      SALLYPORT_HOST: '::1',
      SALLYPORT_DATA_DIR: '/data',
      NO_COLOR: '1',
    };
    expect(readStoryConfig([], true, env)).toEqual({
      gatewayUrl: 'http://[::1]:1',
      controlPlaneUrl: 'http://[::1]:2',
      dataDir: '/data',
      colour: false,
    });
    expect(readStoryConfig(['--gateway', 'http://127.0.0.1:3/mcp', '--data-dir', '/other'], true, env)).toMatchObject({
      gatewayUrl: 'http://127.0.0.1:3',
      controlPlaneUrl: 'http://[::1]:2',
      dataDir: '/other',
    });
  });

  it('is refused in one sentence when it is no port, no URL or no flag', () => {
    expect(() => readStoryConfig([], true, { SALLYPORT_GATEWAY_PORT: 'gateway' })).toThrow(/SALLYPORT_GATEWAY_PORT/);
    expect(() => readStoryConfig(['--gateway', 'gateway'], true, {})).toThrow(/--gateway/);
    expect(() => readStoryConfig(['--gatewya', 'x'], true, {})).toThrow(/--gatewya/);
  });

  it('prints help instead when asked', () => {
    expect(readStoryConfig(['--help'], true, {})).toBeUndefined();
  });
});
