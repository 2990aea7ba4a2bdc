import type { ModernRequest } from './modern-request.js';
import type { RelayAnswer, RelayRequest } from './relay.js';

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

/** One request to a server of whatever era, and its answer under the id it was asked with. */
export interface ServerChannel {
  /**
   * What a legacy server asks in between arrives in the stream with `respond`, when `clientCapabilities` told it that
   * it may ask at all; otherwise it is refused here.
   */
  request(target: ChannelTarget, request: ModernRequest): Promise<RelayAnswer>;
  /** Ends legacy sessions nobody used for a while. */
  sweep(): void;
}
