import { X509Certificate } from 'node:crypto';
import { connect, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';
import { describeWholePath } from './whole-path.js';

describe('TLS ends at our own listeners (R67)', () => {
  let system: DistributedSystem;
  const trusted = getCACertificates('default');
  beforeAll(async () => {
    system = await startDistributed({ tls: true, gateways: 2 });
    setDefaultCACertificates([...trusted, system.certificateAuthority]);
  });
  afterAll(async () => {
    await system?.stop();
    setDefaultCACertificates(trusted);
  });

  describeWholePath(() => system);

  test('no listener answers in clear', async () => {
    for (const url of [system.gatewayUrl, system.issuer, system.controlPlaneUrl]) {
      expect(url).toMatch(/^https:/);
      await expect(fetch(url.replace('https:', 'http:'))).rejects.toThrow('fetch failed');
    }
  });

  test('a certificate is replaced while agents call, and no call fails (R67)', async () => {
    const person = new Person('alice', { agentRedirectUri: system.redirectUri });
    const { gatewayUrl, redirectUri, clientMetadataUrl } = system;
    const agent = await connectModernAgent({
      gatewayUrl,
      name: 'Modern Agent',
      redirectUri,
      person,
      clientMetadataUrl,
    });
    const replaced = new X509Certificate(await system.replaceCertificate()).serialNumber;
    const listeners = [...system.gateways, ...system.authorizationServers, system.controlPlaneUrl];
    let calls = 0;
    await eventually(
      async () => {
        expect((await agent.call('whoami__whoami')).isError).toBe(false);
        calls += 1;
        const shown = await Promise.all(listeners.map(serialShownBy));
        return shown.every((serial) => serial === replaced);
      },
      { timeoutMs: 30_000 },
    );
    expect((await agent.call('whoami__whoami')).isError).toBe(false);
    expect(calls).toBeGreaterThan(10);
  });
});

function serialShownBy(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}
