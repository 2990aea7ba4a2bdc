/**
 * Every subject on the bus. `v1` is the payload version; a reader ignores fields it does not know. Each request also
 * says how long its asker waits (`Waiting`), and may be answered by `BusyAnswer`.
 */
export const subjects = {
  /** request/reply, queue group `control-plane`: LeaseRequest → LeaseAnswer */
  lease: 'sallyport.v1.lease.request',
  /** request/reply, queue group `control-plane`: EndMcpSessions → EndMcpSessionsAnswer */
  endMcpSessions: 'sallyport.v1.mcp-sessions.end',
  /** request/reply, queue group `control-plane`: ListEndedMcpSessions → EndedMcpSessionsPage */
  listEndedMcpSessions: 'sallyport.v1.mcp-sessions.list',
  /** publish/subscribe, control plane → gateways: McpSessionsEnded */
  mcpSessionsEnded: 'sallyport.v1.mcp-sessions.ended',
  /** request/reply, queue group `authorization-server`: SignedCommandWire → CommandAnswer */
  rotateSigningKeys: 'sallyport.v1.signing-keys.rotate',
  /** request/reply, queue group `authorization-server`: SignedCommandWire → CommandAnswer */
  removeRegistration: 'sallyport.v1.agent-registrations.remove',
  /** request/reply, queue group `authorization-server`: SignInExchangeWire → SignInExchangeReply */
  exchangeSignIn: 'sallyport.v1.sign-in.exchange',
  /** publish/subscribe, control plane and refresh worker → gateways: CredentialChanged */
  credentialChanged: 'sallyport.v1.credential.changed',
  /** stream SALLYPORT_CONFIGURATION, control plane → everybody */
  configurationBase: 'sallyport.v1.configuration.base',
  configurationChange: 'sallyport.v1.configuration.change',
  /** publish/subscribe: not stored, only the newest matters */
  configurationHeartbeat: 'sallyport.v1.configuration.heartbeat',
  /**
   * gateway → one gateway: sealed ReplicaRequest; the answer, a sealed ReplicaReply, comes to the asker's own
   * `gatewayReply`
   */
  gateway: (address: string) => `sallyport.v1.gateway.${address}`,
  gatewayReply: (address: string) => `sallyport.v1.gateway-reply.${address}`,
  /** publish/subscribe, gateway → all gateways: several ReplicaRequests, sealed together */
  allGateways: 'sallyport.v1.gateways',
  /** stream SALLYPORT_EVENTS: a replica publishes under its own name only (security rule S26) */
  events: (replica: string) => `sallyport.v1.events.${replica}`,
  /**
   * publish/subscribe, each process → all control planes: ReplicaReport, under its own role and name only (security
   * rule S26)
   */
  report: (role: string, address: string) => `sallyport.v1.reports.${role}.${address}`,
  allReports: 'sallyport.v1.reports.>',
} as const;

/**
 * What other gateways reach one process of a replica by: the replica's name, and behind a dot the number of the worker
 * where several processes are one replica. No replica's own name has a dot.
 */
export const gatewayAddress = (replica: string, worker?: number): string =>
  worker === undefined ? replica : `${replica}.${worker}`;

export const streams = { configuration: 'SALLYPORT_CONFIGURATION', events: 'SALLYPORT_EVENTS' } as const;
