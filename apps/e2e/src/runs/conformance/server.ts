import { signIn } from '../../agents/sign-in.js';
import type { System } from '../../system/system.js';
import { SERVERS_SCOPE } from '../../system/servers-configuration.js';
import { forwardWithToken, roundRobin } from '../../system/forward-with-token.js';
import { runSuite } from './suite.js';
import type { Revision } from './suite.js';
import type { Verdicts } from './verdict.js';

/** The official suite's server scenarios of one revision, through the gateway or through several that take turns. */
export async function runServerScenarios(
  system: Pick<System, 'issuer' | 'gatewayUrl' | 'redirectUri' | 'demo'>,
  revision: Revision,
  gateways: readonly string[] = [system.gatewayUrl],
): Promise<Verdicts> {
  const { accessToken } = await signIn(system, SERVERS_SCOPE);
  const forwarder = await forwardWithToken({
    publicUrl: system.gatewayUrl,
    nextGateway: roundRobin(gateways),
    token: () => accessToken,
  });
  try {
    return await runSuite(['server', '--url', forwarder.url, '--requirements', revision]);
  } finally {
    await forwarder.close();
  }
}
