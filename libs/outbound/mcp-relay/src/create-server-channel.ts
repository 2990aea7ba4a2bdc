import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { askLegacyDirectly, askLegacyServer } from './ask-legacy-server.js';
import { ChannelWire, wholeAnswer } from './channel-wire.js';
import { legacyCapabilities } from './legacy-request.js';
import { isSession } from './legacy-session.js';
import { LegacySessions, sessionKey } from './legacy-sessions.js';
import { modernRequest } from './modern-request.js';
import type { ModernRequest } from './modern-request.js';
import { isRefusedByStatus, saysWhy, unsent } from './refused-answer.js';
import type { HearAnswer, PostedRequest, Relay, RelayAnswer } from './relay.js';
import type { ChannelTarget, DirectTarget, ServerChannel } from './server-channel.js';
import { eraShownBy, isHarmless, isRefused, isUnknownMethod, isWordOfServer } from './server-era.js';
import type { ServerEra } from './server-era.js';

/** An era is asked for again now and then: servers are upgraded. */
const ERA_TTL_MS = 10 * 60_000;
const MAX_ERAS = 1_000;

/** A channel that finds out which era a server is of, remembers it for a while, and asks in that era's words. */
export function createServerChannel({
  relay,
  clock,
  limit = 20_000,
}: {
  readonly relay: Relay;
  readonly clock: Clock;
  readonly limit?: number;
}): ServerChannel {
  const eras = new BoundedMap<string, { era: ServerEra; seenAt: number }>(MAX_ERAS);
  const wire = new ChannelWire(relay);
  const sessions = new LegacySessions({ wire, clock, limit, onUnspoken: ({ href }) => eras.delete(href) });
  const askLegacy = (target: ChannelTarget, message: ModernRequest) =>
    askLegacyServer(target, message, { wire, sessions });

  async function request(target: ChannelTarget, message: ModernRequest): Promise<RelayAnswer> {
    const { href } = target.url;
    const known = eras.get(href);
    if (known === undefined || clock() - known.seenAt >= ERA_TTL_MS) return await requestOfUnknownEra(target, message);
    if (known.era === 'modern') return await askModern(target, message);
    const answer = await askLegacy(target, message);
    // That is the answer to what was asked; what is asked next finds out first whether the server is another one now.
    if (isRefusedByStatus(answer)) eras.delete(href);
    return answer;
  }

  const requestDirectly: ServerChannel['requestDirectly'] = (target, message, hear) => {
    const { href } = target.url;
    const known = eras.get(href);
    if (known === undefined || clock() - known.seenAt >= ERA_TTL_MS || isHarmless(message)) return undefined;
    return known.era === 'modern'
      ? askModernDirectly(wire, target, message, hear)
      : askLegacyDirectly(target, message, { wire, sessions }, (answer) => hear(forgettingRefused(answer, href)));
  };

  /** What is asked after a refusal finds out first whether the server is another one now. */
  function forgettingRefused(answer: RelayAnswer | Promise<RelayAnswer>, href: string) {
    if (!(answer instanceof Promise)) return answer;
    return answer.then((later) => {
      if (isRefusedByStatus(later)) eras.delete(href);
      return later;
    });
  }

  async function requestOfUnknownEra(target: ChannelTarget, message: ModernRequest): Promise<RelayAnswer> {
    const { probe, probed } = await probeEra(askModern, target, message);
    const shown = eraShownBy(probed);
    const era = shown ?? (isWordOfServer(probed) ? await eraByInitializing(target, message, probed) : probed);
    if (typeof era === 'object')
      return era !== probed && saysWhy(era) ? era : probe === message ? probed : unsent(probed);
    eras.set(target.url.href, { era, seenAt: clock() });
    if (era === 'legacy') return await askLegacy(target, message);
    return probe === message ? probed : await askModern(target, message);
  }

  async function askModern(target: ChannelTarget, message: ModernRequest): Promise<RelayAnswer> {
    const { headers, body } = modernRequest(message);
    return await wire.post(target, headers, body, { id: message.id, isHarmless: isHarmless(message) });
  }

  /**
   * A server that lists without looking at the revision, and cannot be initialized, is taken for one of the new era.
   * @returns also how it refused
   */
  async function eraByInitializing(
    target: ChannelTarget,
    message: ModernRequest,
    probed: RelayAnswer,
  ): Promise<ServerEra | RelayAnswer> {
    const session = await sessions.open(sessionKey(target, message), target, {
      ...message,
      clientCapabilities: legacyCapabilities(message.clientCapabilities),
    });
    if (isSession(session)) return 'legacy';
    return isRefused(probed) ? session : 'modern';
  }

  return { request, requestDirectly, sweep: () => sessions.sweep() };
}

/** What may have an effect is never sent to find out something: a request that changes nothing is sent first. */
async function probeEra(
  ask: (target: ChannelTarget, message: ModernRequest) => Promise<RelayAnswer>,
  target: ChannelTarget,
  message: ModernRequest,
) {
  const probe = isHarmless(message) ? message : harmless(message, 'server/discover');
  const probed = await wholeAnswer(await ask(target, probe), probe.id);
  if (probe === message || !isUnknownMethod(probed)) return { probe, probed };
  // Not every server of the new era has discovery, which it must; what tools it has, it knows.
  const second = harmless(message, 'tools/list');
  return { probe: second, probed: await wholeAnswer(await ask(target, second), second.id) };
}

function askModernDirectly(
  wire: ChannelWire,
  target: DirectTarget,
  message: ModernRequest,
  hear: HearAnswer,
): PostedRequest | undefined {
  const { headers, body } = modernRequest(message);
  return wire.postDirectly(target, headers, body, message.id, hear);
}

const harmless = (message: ModernRequest, method: string): ModernRequest => ({
  ...message,
  method,
  params: {},
  name: undefined,
  parameterHeaders: {},
  source: undefined,
});
