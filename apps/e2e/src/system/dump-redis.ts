import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/** The snapshot Redis writes of everything it holds, uncompressed, so that it can be searched. */
export async function dumpRedis(url: string): Promise<Buffer> {
  const { hostname, port, password } = new URL(url);
  const commands = [
    ...(password === '' ? [] : [`AUTH ${password}`]),
    'CONFIG SET rdbcompression no',
    'SAVE',
    'CONFIG GET dir',
  ];
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(
      Number(port || 6379),
      hostname,
      () => void socket.write(commands.map((command) => `${command}\r\n`).join('')),
    );
    let text = '';
    socket
      .setEncoding('utf8')
      .on('error', reject)
      .on('data', (chunk: string) => {
        text += chunk;
        if (/^-/m.test(text)) socket.destroy(new Error(`Redis: ${text}`));
        else if (/\r\ndir\r\n\$\d+\r\n[^\r]+\r\n/.test(text)) {
          socket.end();
          resolve(text);
        }
      });
  });
  const directory = /\r\ndir\r\n\$\d+\r\n([^\r]+)\r\n/.exec(answer)?.[1] ?? '';
  return readFileSync(join(directory, 'dump.rdb'));
}
