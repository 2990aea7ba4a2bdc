import type { HardeningContext } from '../context.js';
import { failed, look, passed, warned, type Check } from '../step.js';
import { checkConfiguredAccess } from './check-configured-access.js';
import { checkFiles } from './check-files.js';
import { isThisMachine } from './this-machine.js';

const DEFAULT_STALENESS_MS = 300_000;
/** What only gateways hear. */
const OTHERS_SUBJECT = 'sallyport.v1.gateway.>';

/** Our own list: nothing on it fails today, and each entry lets somebody get further than they should. */
export function checkHardening(context: HardeningContext): Check[] {
  return [
    ...checkUrls(context),
    ...checkFiles(context),
    ...checkConfiguredAccess(context),
    ...checkBus(context),
    checkDatabase(context),
    checkHealth(context),
    look('hardening', 'vault', () =>
      context.config.keys.kms === undefined
        ? warned('vault_key_in_file', 'No KMS is configured.')
        : passed('A KMS wraps the vault keys.'),
    ),
    look('hardening', 'SALLYPORT_STALENESS_BOUND', () => {
      const { stalenessBoundMs } = context.config;
      const seconds = `${Math.round(stalenessBoundMs / 1000)} s`;
      return stalenessBoundMs > DEFAULT_STALENESS_MS ? warned('staleness_bound_long', seconds) : passed(seconds);
    }),
  ];
}

function checkUrls({ config: { gatewayUrl, issuer, publicUrl } }: HardeningContext): Check[] {
  const urls = { SALLYPORT_GATEWAY_URL: gatewayUrl, SALLYPORT_ISSUER: issuer, SALLYPORT_CONTROL_PLANE_URL: publicUrl };
  return Object.entries(urls).map(([setting, url]) =>
    look('hardening', setting, () => {
      const { protocol, hostname } = new URL(url);
      if (protocol === 'https:') return passed(`${url} has TLS.`);
      if (isThisMachine(hostname)) return passed(`${url} is only on this machine.`);
      return failed('public_url_without_tls', url);
    }),
  );
}

function checkBus({ messaging, config: { deployment } }: HardeningContext): Check[] {
  if (messaging.kind === 'in-process') return [look('hardening', 'bus', () => passed('It is inside one process.'))];
  const servers = deployment?.busServers ?? [];
  const hosts = servers.flatMap((server) => URL.parse(server) ?? []);
  const isReadable = hosts.some(({ protocol, hostname }) => protocol !== 'tls:' && !isThisMachine(hostname));
  return [
    look('hardening', 'NATS_URL', () =>
      isReadable
        ? warned('bus_without_tls', hosts.map(({ host }) => host).join(', '))
        : passed('TLS, or this machine.'),
    ),
    {
      step: 'hardening',
      subject: 'NATS users',
      run: async () => {
        if (deployment?.busHasKey === false) return failed('bus_without_users', 'No SALLYPORT_NATS_SEED_FILE is set.');
        return (await messaging.refuses(OTHERS_SUBJECT))
          ? passed('It refuses what is not ours to hear.')
          : failed('bus_permissions_wide', 'The control plane may listen to what gateways say to each other.');
      },
    },
  ];
}

/** PostgreSQL's own words (libpq `sslmode`): those that check whom they speak to. */
const CHECKED = ['verify-full', 'verify-ca'];

const checkDatabase = ({ config: { databaseUrl } }: HardeningContext): Check =>
  look('hardening', 'DATABASE_URL', () => {
    const url = URL.parse(databaseUrl.reveal());
    const mode = url?.searchParams.get('sslmode') ?? 'none';
    if (url === null || isThisMachine(url.hostname)) return passed('It is on this machine.');
    if (CHECKED.includes(mode)) return passed(`sslmode is ${mode}.`);
    return failed('database_without_tls', `${url.hostname}, sslmode: ${mode}`);
  });

const checkHealth = ({ config: { deployment } }: HardeningContext): Check =>
  look('hardening', 'SALLYPORT_HEALTH_HOST', () => {
    const host = deployment?.healthHost;
    if (host === undefined || isThisMachine(host)) return passed('It listens on this machine only.');
    return warned('metrics_exposed', `It listens on ${host}.`);
  });
