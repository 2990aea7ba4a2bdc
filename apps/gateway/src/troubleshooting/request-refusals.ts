import type { Entries } from './trouble.js';

const CLIENT = 'Whoever makes the agent has to mend it.';

/** Refusals that say nothing of a server: the gateway is not ready, or cannot take the request from this agent. */
export const REQUEST_REFUSALS = {
  'not-ready': [
    {
      sample: { type: 'not-ready', reason: 'configuration_stale' },
      because:
        'The gateway has no configuration yet, or its configuration is too old to trust (the control ' +
        'plane or the bus is away).',
      fix: '`/readyz` of the gateway says which; agents try again by themselves.',
    },
    {
      sample: { type: 'not-ready', reason: 'event_spool_disk-full' },
      because: 'The gateway cannot write records of calls: the disk under the spool is full, or refuses writes.',
      fix: 'Make room under `SALLYPORT_SPOOL_DIR`; the gateway goes on by itself.',
    },
  ],
  unrecorded: [
    {
      sample: { type: 'unrecorded', recordId: 'evt_…', isDone: false },
      because: 'The gateway sent the call, and then could not write its record.',
      fix: 'Do not repeat it. The log of the gateway has the record under that id; see to its disk.',
    },
  ],
  unauthenticated: [
    {
      words: '401, and the agent opens a browser',
      sample: { type: 'unauthenticated', reason: 'expired' },
      because: 'The agent has no token, or one that expired, was revoked, or is for another address.',
      fix:
        'Sign in again with the agent. If it comes back at once, compare the address the agent has with ' +
        '`SALLYPORT_GATEWAY_URL`.',
    },
  ],
  'http-method': [
    {
      words: '405',
      sample: { type: 'http-method' },
      because: 'The agent sent something else than POST or DELETE, such as a browser that opens the address.',
      fix: 'Nothing: agents go on with POST.',
    },
  ],
  'repeated-header': [
    {
      sample: { type: 'repeated-header', header: 'authorization' },
      because: 'The request has a header twice, and two readers could each take another one.',
      fix: `${CLIENT} A proxy in front may add one.`,
    },
  ],
  'body-too-large': [
    {
      sample: { type: 'body-too-large' },
      because: 'The message is larger than `SALLYPORT_MAX_BODY_KIBIBYTES`.',
      fix: 'Send less at once, or raise it.',
    },
  ],
  'media-type': [{ sample: { type: 'media-type' }, because: 'The request is not JSON.', fix: CLIENT }],
  'not-json': [
    { sample: { type: 'not-json' }, because: 'The body is no JSON, or could be read in two ways.', fix: CLIENT },
  ],
  'invalid-request': [
    {
      words: '400 with what is wrong in the message',
      sample: { type: 'invalid-request', message: '' },
      because: 'The message is not one of the protocol.',
      fix: CLIENT,
    },
  ],
  envelope: [
    {
      words: '400 with what is missing in `_meta`',
      sample: { type: 'envelope', message: '' },
      because: 'A request of 2026-07-28 without what that revision wants in `_meta`.',
      fix: CLIENT,
    },
  ],
  'header-mismatch': [
    {
      words: '400, code -32020, with the header',
      sample: { type: 'header-mismatch', message: '' },
      because: 'An `Mcp-*` header contradicts the body.',
      fix: `${CLIENT} A proxy in front must not change them.`,
    },
  ],
  'unsupported-version': [
    {
      sample: { type: 'unsupported-version', requested: '2024-01-01' },
      because: 'The agent and the gateway have no version of the protocol in common.',
      fix: 'Update the agent; [compatibility](compatibility.md) has the list.',
    },
  ],
  'unknown-method': [
    {
      sample: { type: 'unknown-method', method: 'x' },
      because: 'The gateway does not relay this method.',
      fix: '[protocol](protocol.md) lists those it relays.',
    },
  ],
  'invalid-params': [
    {
      words: 'code -32602 with what is wrong',
      sample: { type: 'invalid-params', message: '' },
      because:
        'The parameters are not those of the method, or a cursor or state is not of this list, call, user or agent.',
      fix: 'Ask anew, without it.',
    },
  ],
  'too-many': [
    {
      sample: { type: 'too-many', what: 'calls', byAll: false },
      because: 'One user has as many calls open as one may.',
      fix: 'Wait for some to end; [overload](overload.md).',
    },
    {
      sample: { type: 'too-many', what: 'bytes', byAll: false },
      because: 'Requests and answers of one user fill all the memory that one user may have.',
      fix: 'Wait; ask for less at once.',
    },
    {
      sample: { type: 'too-many', what: 'records', byAll: false },
      because:
        'The gateway cannot send records on (the bus or the control plane is away), and one user filled ' +
        'half of the spool.',
      fix: 'Bring the bus or the control plane back; the gateway goes on by itself.',
    },
    {
      sample: { type: 'too-many', what: 'calls', byAll: true },
      because: 'All users together ask for more than this gateway can take.',
      fix: 'Add a gateway; [overload](overload.md).',
    },
  ],
  'too-often': [
    {
      sample: { type: 'too-often', retryAfterSeconds: 5 },
      because: 'An agent ends sessions or shows proofs faster than the gateways can tell each other.',
      fix: 'Wait.',
    },
  ],
  'session-not-found': [
    {
      sample: { type: 'session-not-found' },
      because: 'The MCP session has ended, or belongs to another user.',
      fix: 'Agents begin a new one with `initialize` by themselves.',
    },
  ],
  'session-not-ended': [
    {
      sample: { type: 'session-not-ended', retryAfterSeconds: 5 },
      because: 'One user ended more sessions than the gateway remembers.',
      fix: 'Nothing.',
    },
  ],
} satisfies Partial<Entries>;
