import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { findBinary, type Binary } from './debian-binaries.js';
import { onFreePort, startPrivateServer } from './private-server.js';
import { makeScratch, removeScratch } from './scratch.js';
import type { TestAuthority } from './test-authority.js';

export interface TestRsyslog {
  readonly port: number;
  /** What it wrote down, a line each: `<priority> <host> <app> <msgid> <message>`. */
  received(): string[];
  kill(): Promise<void>;
  /** After `kill()`: again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * An rsyslog that takes RFC 5424 messages over TLS (RFC 5425) as `localhost`.
 * @param asksClients it takes connections only from whom the authority vouches for
 */
export async function startTestRsyslog(authority: TestAuthority, { asksClients = false } = {}): Promise<TestRsyslog> {
  const binary = await findBinary('rsyslog');
  const scratch = makeScratch('rsyslog');
  const output = join(scratch, 'received');
  const { key, cert } = await authority.issue({ dns: ['localhost'], ip: ['127.0.0.1'] });
  const files = { ca: authority.certificate, cert, key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(scratch, `${name}.pem`), text);
  let port = 0;
  const start = () => {
    writeFileSync(join(scratch, 'rsyslog.conf'), configurationOf({ scratch, output, port, asksClients }));
    return startPrivateServer(
      binary,
      ['-n', '-f', join(scratch, 'rsyslog.conf'), '-i', join(scratch, 'pid'), '-M', modulesOf(binary)],
      { ready: () => isListening(port), scratch },
    );
  };
  let server = await onFreePort((free) => {
    port = free;
    return start();
  });
  return {
    port,
    received: () => (existsSync(output) ? readFileSync(output, 'utf8').split('\n').slice(0, -1) : []),
    kill: () => server.kill(),
    async restart() {
      server = await start();
    },
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}

const configurationOf = (to: { scratch: string; output: string; port: number; asksClients: boolean }): string => `
global(workDirectory="${to.scratch}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
  defaultNetstreamDriverCAFile="${to.scratch}/ca.pem"
  defaultNetstreamDriverCertFile="${to.scratch}/cert.pem" defaultNetstreamDriverKeyFile="${to.scratch}/key.pem")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"
  streamDriver.authMode="${to.asksClients ? 'x509/certvalid' : 'anon'}")
template(name="line" type="string" string="%pri% %hostname% %app-name% %msgid% %msg%\\n")
input(type="imtcp" port="${to.port}" address="127.0.0.1")
if $inputname == "imtcp" then action(type="omfile" file="${to.output}" template="line" flushOnTXEnd="on")
`;

/** Beside the libraries of the release, e.g. `/usr/lib/x86_64-linux-gnu/rsyslog`. */
function modulesOf({ path }: Binary): string {
  const libraries = join(dirname(dirname(path)), 'lib');
  const folders = readdirSync(libraries).map((name) => join(libraries, name, 'rsyslog'));
  return folders.find((folder) => existsSync(folder)) ?? join(libraries, 'rsyslog');
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
