import type { ModernRequest } from './modern-request.js';
import type { HearAnswer, PostedRequest, RelayAnswer, RelayRequest } from './relay.js';

/** Where to, as whom, and for how long. */
export interface ChannelTarget extends Pick<
  RelayRequest,
  'url' | 'credential' | 'idleTimeoutMs' | 'mayBeSilent' | 'maxMessageBytes' | 'room' | 'signal'
> {
  /** A response may be passed on in pieces, and then be this large; see `ServerMessage.large`. */
  readonly maxLargeBytes?: number | undefined;
  /** Whom the credential stands for, its revision included: a legacy session is never shared beyond it (R34). */
  readonly identity: string;
}

/** As `ChannelTarget`; its signal is asked for only where the answer is read as it comes. */
export interface DirectTarget extends Omit<ChannelTarget, 'signal' | 'mayBeSilent'> {
  readonly signal: () => AbortSignal;
}

/** One request to a server of whatever era, and its answer under the id it was asked with. */
export interface ServerChannel {
  /**
   * What a legacy server asks in between arrives in the stream with `respond`, when `clientCapabilities` told it that
   * it may ask at all; otherwise it is refused here.
   */
  request(target: ChannelTarget, request: ModernRequest): Promise<RelayAnswer>;
  /**
   * The same request, where it can be sent at once: the era is known, the session stands, and nothing has to be opened
   * or found out first (decision 0049).
   * @param hear hears the answer, once
   * @returns undefined when nothing was sent
   */
  requestDirectly(target: DirectTarget, request: ModernRequest, hear: HearAnswer): PostedRequest | undefined;
  /** Ends legacy sessions nobody used for a while. */
  sweep(): void;
}
