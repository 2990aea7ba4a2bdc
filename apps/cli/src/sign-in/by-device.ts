import { setTimeout as wait } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';
import { CLIENT, whyOf, type SignInServer } from './sign-in-server.js';

/** What somebody does on another device. */
export interface DeviceStep {
  readonly url: string;
  readonly code: string;
}

/** Signs in with a browser somewhere else (RFC 8628). @throws CliError when it is refused, or takes too long */
export async function signInByDevice(
  world: World,
  { server, resource, options }: SignInServer,
  show: (step: DeviceStep) => void,
): Promise<oauth.TokenEndpointResponse> {
  if (server.device_authorization_endpoint === undefined)
    throw new CliError(EXIT.failed, 'This system takes no sign-in from another device.', ['Sign in without --device.']);
  try {
    const none = oauth.None();
    const asked = await oauth.deviceAuthorizationRequest(server, CLIENT, none, { resource }, options);
    const step = await oauth.processDeviceAuthorizationResponse(server, CLIENT, asked);
    show({ url: step.verification_uri_complete ?? step.verification_uri, code: step.user_code });
    let everyMs = (step.interval ?? 5) * 1_000;
    for (const deadline = world.now() + step.expires_in * 1_000; world.now() < deadline;) {
      await wait(everyMs, undefined, { signal: world.signal });
      const more = { ...options, additionalParameters: { resource } };
      const response = await oauth.deviceCodeGrantRequest(server, CLIENT, none, step.device_code, more);
      const tokens = await oauth.processDeviceCodeResponse(server, CLIENT, response).catch(pendingOrThrow);
      if (typeof tokens === 'object') return tokens;
      if (tokens === 'slow_down') everyMs += 5_000; // RFC 8628 section 3.5
    }
  } catch (cause) {
    if (cause instanceof CliError || world.signal.aborted) throw cause;
    throw new CliError(EXIT.refused, `The sign-in was refused: ${whyOf(cause)}.`, [], { cause });
  }
  throw new CliError(EXIT.refused, 'Nobody entered the code in time.', ['Sign in again.']);
}

function pendingOrThrow(error: unknown): 'authorization_pending' | 'slow_down' {
  if (
    error instanceof oauth.ResponseBodyError &&
    (error.error === 'authorization_pending' || error.error === 'slow_down')
  )
    return error.error;
  throw error;
}
