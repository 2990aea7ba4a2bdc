/** What `measure-inputs.ts` and `npm run bench` measure, one thing each. The names are the page's. */
export const MEASURED = {
  'gateway-cpu': { unit: 'µs', about: 'CPU of a gateway process for a warm call, its record included' },
  'postgres-cpu': { unit: 'µs', about: 'CPU of PostgreSQL to store the two rows of a call' },
  'nats-cpu': { unit: 'µs', about: 'CPU of NATS to keep and deliver the record of a call' },
  'store-cpu': { unit: 'µs', about: 'CPU of the control plane to store the events of a call' },
  'store-rate': {
    unit: 'rows/s',
    about: 'rows of events that one writer stores, which is one core of PostgreSQL, full',
  },
  'record-bytes': { unit: 'bytes', about: 'one call on the bus' },
  'event-bytes': { unit: 'bytes', about: 'one row of the trail on disk, indexes included; a call is two' },
  'user-bytes': { unit: 'bytes', about: 'a user with one sign-in in PostgreSQL, indexes included' },
  'session-bytes': { unit: 'bytes', about: 'a session of an agent, with consent, grant and refresh token' },
  'connection-bytes': { unit: 'bytes', about: 'a connection' },
  'policy-wire': { unit: 'bytes', about: 'a policy in a base on the bus' },
  'policy-heap': { unit: 'bytes', about: 'a policy in the memory of a replica' },
  'revocation-wire': { unit: 'bytes', about: 'a revocation in a base on the bus' },
  'revocation-heap': { unit: 'bytes', about: 'a revocation in the memory of a replica' },
  'heartbeat-bytes': { unit: 'bytes', about: 'a heartbeat on the bus; there is one a second' },
} as const;

/** What nobody can measure here: how a deployment is used, and what it pays. */
export const ASSUMED = {
  utilisation: { unit: '', about: 'part of a core that is used at the peak' },
  'peak-to-mean': { unit: '', about: 'calls a second at the peak, over those of an average second' },
  'active-users': { unit: '', about: 'part of all users with a call in the quarter of an hour' },
  'servers-per-user': { unit: '', about: 'servers that an active user calls in it' },
  'lease-seconds': { unit: 's', about: 'how long a lease is used; 900 at most' },
  'sessions-per-user': { unit: '', about: 'agents a user is signed in with' },
  'connections-per-user': { unit: '', about: 'accounts a user has connected' },
  'token-seconds': {
    unit: 's',
    about: 'lifetime of a provider’s access tokens: one refresh of each connection in use',
  },
  policies: { unit: '', about: 'policies' },
  'revocations-per-user': { unit: '', about: 'revocations a day for each user' },
  'revocation-hours': { unit: 'h', about: 'how long a replica remembers one' },
  'retention-days': { unit: 'days', about: 'how long the trail is kept; SALLYPORT_EVENT_RETENTION' },
  'proof-share': { unit: '', about: 'part of the calls whose token is bound to a key (DPoP)' },
  'core-price': { unit: '$', about: 'a core with 4 GiB for a month' },
  'disk-price': { unit: '$', about: 'a GB of SSD for a month' },
} as const;

export type Inputs = Readonly<Record<keyof typeof MEASURED | keyof typeof ASSUMED, number>>;

export interface Demand {
  /** At the peak. */
  readonly callsPerSecond: number;
  readonly users: number;
}

export interface Result {
  readonly name: string;
  readonly formula: string;
  readonly value: number;
  readonly unit: string;
}

const DAY = 86_400;
const GB = 1e9;
const GIBIBYTE = 1024 ** 3;
/** Messages a second in which one process tells the others of used proofs, at most: it gathers for 10 ms. */
const GOSSIP_PER_SECOND = 100;
/** A busy gateway process gathers records for 200 ms, or until a message is full (decision 0045). */
const BATCHES_PER_SECOND = 5;
const BATCH_BYTES = 480 * 1024;

/** What a demand needs, each line by the formula beside it. */
export function scale(inputs: Inputs, { callsPerSecond: calls, users }: Demand): readonly Result[] {
  const i = inputs;
  const workers = Math.ceil((calls * i['gateway-cpu']) / 1e6 / i.utilisation);
  const coresFor = (microseconds: number) => (calls * microseconds) / 1e6 / i.utilisation;
  const [storing, postgres, nats] = [coresFor(i['store-cpu']), coresFor(i['postgres-cpu']), coresFor(i['nats-cpu'])];
  const rows = 2 * calls;
  const meanCalls = calls / i['peak-to-mean'];
  const leases = (users * i['active-users'] * i['servers-per-user']) / i['lease-seconds'];
  const refreshes = (users * i['active-users'] * i['connections-per-user']) / i['token-seconds'];
  const batches = Math.max(workers * BATCHES_PER_SECOND, (calls * i['record-bytes']) / BATCH_BYTES);
  const gossip = Math.min(calls * i['proof-share'], workers * GOSSIP_PER_SECOND) * workers;
  const revocations = (users * i['revocations-per-user'] * i['revocation-hours']) / 24;
  const base = i.policies * i['policy-wire'] + revocations * i['revocation-wire'];
  const heap = i.policies * i['policy-heap'] + revocations * i['revocation-heap'];
  const accounts =
    users *
    (i['user-bytes'] + i['sessions-per-user'] * i['session-bytes'] + i['connections-per-user'] * i['connection-bytes']);
  const trailDay = meanCalls * DAY * 2 * i['event-bytes'];
  const trail = trailDay * i['retention-days'];
  const compute = (workers + storing + postgres + nats) * i['core-price'];
  return [
    { name: 'gateway processes', formula: 'calls × gateway-cpu / utilisation', value: workers, unit: 'cores' },
    { name: 'control plane, for events', formula: 'calls × store-cpu / utilisation', value: storing, unit: 'cores' },
    { name: 'PostgreSQL, for events', formula: 'calls × postgres-cpu / utilisation', value: postgres, unit: 'cores' },
    { name: 'NATS, for events', formula: 'calls × nats-cpu / utilisation', value: nats, unit: 'cores' },
    { name: 'rows of events at the peak', formula: '2 × calls', value: rows, unit: 'rows/s' },
    { name: 'of what one writer stores', formula: 'rows / store-rate', value: rows / i['store-rate'], unit: 'times' },
    { name: 'leases', formula: 'users × active-users × servers-per-user / lease-seconds', value: leases, unit: '/s' },
    {
      name: 'refreshes of connections',
      formula: 'users × active-users × connections-per-user / token-seconds',
      value: refreshes,
      unit: '/s',
    },
    {
      name: 'messages with records',
      formula: 'max(5 × processes, calls × record-bytes / 480 KiB)',
      value: batches,
      unit: '/s',
    },
    {
      name: 'bytes of records',
      formula: 'calls × record-bytes',
      value: (calls * i['record-bytes']) / 1e6,
      unit: 'MB/s',
    },
    { name: 'heartbeats delivered', formula: 'processes × 1/s', value: workers, unit: '/s' },
    {
      name: 'messages about used proofs, delivered',
      formula: 'min(calls × proof-share, 100 × processes) × processes',
      value: gossip,
      unit: '/s',
    },
    {
      name: 'revocations remembered',
      formula: 'users × revocations-per-user × revocation-hours / 24',
      value: revocations,
      unit: '',
    },
    {
      name: 'a base on the bus',
      formula: 'policies × policy-wire + revocations × revocation-wire',
      value: base / 1e6,
      unit: 'MB',
    },
    {
      name: 'a snapshot in memory',
      formula: 'policies × policy-heap + revocations × revocation-heap',
      value: heap / 1e6,
      unit: 'MB',
    },
    { name: 'a base to all processes', formula: 'base × processes', value: (base * workers) / GB, unit: 'GB' },
    {
      name: 'users, sessions and connections',
      formula: 'users × (user-bytes + sessions-per-user × session-bytes + connections-per-user × connection-bytes)',
      value: accounts / GIBIBYTE,
      unit: 'GiB',
    },
    {
      name: 'trail, a day',
      formula: 'calls / peak-to-mean × 86,400 × 2 × event-bytes',
      value: trailDay / GB,
      unit: 'GB',
    },
    { name: 'trail, kept', formula: 'a day × retention-days', value: trail / 1e12, unit: 'TB' },
    { name: 'cores, a month', formula: 'all cores above × core-price', value: compute, unit: '$' },
    {
      name: 'disk, a month',
      formula: '(trail + users) × disk-price',
      value: ((trail + accounts) / GB) * i['disk-price'],
      unit: '$',
    },
  ];
}
