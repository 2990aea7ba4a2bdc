import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually, findBinary, freePort, makeScratch, removeScratch } from '@sallyport/testing';
import type { Subject } from './subject.js';

/** One worker, as the others are one process; connections to the upstream are kept, and no log is written. */
const configuration = (scratch: string, port: number, upstream: string): string => `
daemon off;
master_process off;
pid ${scratch}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${scratch}/body;
  proxy_temp_path ${scratch}/proxy;
  fastcgi_temp_path ${scratch}/fastcgi;
  uwsgi_temp_path ${scratch}/uwsgi;
  scgi_temp_path ${scratch}/scgi;
  client_max_body_size 16m;
  keepalive_requests 100000000;
  upstream server { server ${upstream}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;

/** What a proxy written in C needs for the same transport. Rejects where there is no nginx to be had. */
export async function startNginx(upstream: string): Promise<Subject> {
  const { path, env } = await findBinary('nginx');
  const scratch = makeScratch('nginx');
  const port = await freePort();
  const file = join(scratch, 'nginx.conf');
  writeFileSync(file, configuration(scratch, port, new URL(upstream).host));
  const child = spawn(path, ['-p', scratch, '-e', 'stderr', '-c', file], {
    env: { ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const stop = async (): Promise<void> => {
    process.removeListener('exit', killWithUs);
    child.kill('SIGTERM');
    await ended;
    removeScratch(scratch);
  };
  try {
    await eventually(() => listens(port), { timeoutMs: 15_000, until: 'nginx listens' });
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: 'nginx', title: 'nginx, one worker', origin: `http://127.0.0.1:${port}`, pid: child.pid ?? -1, stop };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
