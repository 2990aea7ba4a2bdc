/** The limits of one listener. All times are in milliseconds. */
export interface ListenerLimits {
  /** Open connections altogether. One address that is no trusted proxy may hold as many as are still free. */
  readonly maxConnections: number;
  /** Addresses or CIDR ranges of proxies, whose connections carry the requests of many clients. */
  readonly trustedProxies: readonly string[];
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** From the first byte of a request, or from the opening of its connection, to the last byte of its head. */
  readonly headersTimeoutMs: number;
  /** How long a connection may wait for its next request. */
  readonly keepAliveTimeoutMs: number;
  /** The lowest rate at which a body may arrive, measured over `rateWindowMs`. */
  readonly leastBytesPerSecond: number;
  readonly rateWindowMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** Requests of one connection that have no complete answer yet. */
  readonly maxPipelined: number;
  /** A client that reads nothing of a waiting answer for this long is cut off. */
  readonly slowReaderMs: number;
  /** The interval between two checks of times and rates. */
  readonly checkEveryMs: number;
}

export const DEFAULT_LIMITS: ListenerLimits = {
  maxConnections: 10_000,
  trustedProxies: [],
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  leastBytesPerSecond: 1_024,
  rateWindowMs: 10_000,
  maxHeaderBytes: 16_384,
  maxHeaders: 100,
  maxPipelined: 16,
  slowReaderMs: 120_000,
  checkEveryMs: 1_000,
};

/** The `requestTimeoutMs` that a listener needs for bodies of this size: a bad line carries 4 KiB a second. */
export const requestTimeoutFor = (maxBodyBytes: number): number =>
  Math.max(DEFAULT_LIMITS.requestTimeoutMs, Math.ceil(maxBodyBytes / 4_096) * 1_000);
