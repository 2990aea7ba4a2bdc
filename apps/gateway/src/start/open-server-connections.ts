import { createRelay, createServerChannel, type ServerChannel } from '@sallyport/mcp-relay';
import { createGuardedAgent, tellingProxy } from '@sallyport/safe-fetch';
import { CertificateConnections } from '../outbound/certificate-connections.js';
import type { Foundation } from './foundation.js';
import { USER_AGENT } from './identity.js';

/**
 * Many servers close what was idle for 5 s, while the next call may be on its way. A server that says more is believed.
 */
const POOLING = { connections: 1_024, keepAliveTimeout: 4_000, maxHeaderSize: 32_768 };

export interface ServerConnections {
  readonly channel: ServerChannel;
  /** Forgets what nobody uses any more. */
  sweep(): void;
}

/** Connections to MCP servers, each behind the outbound guard (S20). */
export function openServerConnections({ config, logger, clock, snapshot, scope }: Foundation): ServerConnections {
  const guard = {
    allow: () => snapshot()?.get('OutboundNetwork', 'default')?.spec.allow ?? [],
    extraCertificateAuthorities: config.extraCertificateAuthorities,
    proxy: tellingProxy(config.proxy, logger),
  };
  const dispatcher = createGuardedAgent(guard, POOLING);
  scope.onClose('connections to servers', () => dispatcher.destroy());
  const withCertificate = new CertificateConnections({
    open: (clientCertificate) => createGuardedAgent({ ...guard, clientCertificate }, POOLING),
    clock,
  });
  scope.onClose('connections with client certificates', () => withCertificate.destroy());
  const channel = createServerChannel({
    relay: createRelay({
      dispatcher,
      dispatcherWith: (certificate) => withCertificate.of(certificate),
      userAgent: USER_AGENT,
    }),
    clock,
  });
  return {
    channel,
    sweep: () => {
      channel.sweep();
      withCertificate.sweep();
    },
  };
}
