import { permissionsFor } from './permissions.js';
import type { BusUser } from './permissions.js';

export interface NatsServerConfigOptions {
  readonly host?: string;
  readonly port: number;
  /** Where JetStream keeps the two streams. */
  readonly storeDir: string;
  readonly users: readonly BusUser[];
  /** Paths on the server's machine. Without it the bus must stay inside one host or network you trust. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string };
  /** For `/healthz` of the server's own monitoring; off by default. */
  readonly monitoringPort?: number;
}

/**
 * The configuration file of a deployment's NATS server: one account, one nkey user per replica with the least it needs
 * (security rule S26), JetStream in that account alone, and nobody without a key. Understood by NATS 2.9 and later.
 */
export function natsServerConfig({
  host = '127.0.0.1',
  port,
  storeDir,
  users,
  tls,
  monitoringPort,
}: NatsServerConfigOptions): string {
  return `${[
    `host: ${quote(host)}`,
    `port: ${port}`,
    ...(monitoringPort === undefined ? [] : [`http: ${quote(`${host}:${monitoringPort}`)}`]),
    'max_payload: 1MB',
    ...(tls
      ? [
          'tls {',
          `  cert_file: ${quote(tls.certFile)}`,
          `  key_file: ${quote(tls.keyFile)}`,
          ...(tls.caFile === undefined ? [] : [`  ca_file: ${quote(tls.caFile)}`]),
          '}',
        ]
      : []),
    'jetstream {',
    `  store_dir: ${quote(storeDir)}`,
    '}',
    'accounts {',
    '  SALLYPORT {',
    '    jetstream: enabled',
    '    users: [',
    ...users.map(userBlock),
    '    ]',
    '  }',
    '}',
  ].join('\n')}\n`;
}

function userBlock(user: BusUser): string {
  const { publish, subscribe, answers } = permissionsFor(user);
  const list = (subjects: readonly string[]) => `[${subjects.map(quote).join(', ')}]`;
  return [
    `      { # ${user.role} ${user.name}`,
    `        nkey: ${quote(user.publicNkey)}`,
    '        permissions {',
    `          publish { allow: ${list(publish)} }`,
    `          subscribe { allow: ${list(subscribe)} }`,
    ...(answers ? ['          allow_responses { max: 1, expires: "60s" }'] : []),
    '        }',
    '      }',
  ].join('\n');
}

const quote = (text: string) => JSON.stringify(text);
