import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defaultDemoUrls, demoConfiguration } from '@sallyport/demo';
import type { DemoConfigurationUrls } from '@sallyport/demo';

const USES = ['identityProvider', 'notes', 'whoami'] as const;

/**
 * The declarative file: the one at the root. Where there is none, the demonstration's, written once into the data
 * directory. A file that is there is never written.
 * @param wanted `SALLYPORT_CONFIGURATION_FILE`
 */
export function configurationFile({
  wanted,
  root,
  dataDirectory,
}: {
  readonly wanted: string | undefined;
  readonly root: string;
  readonly dataDirectory: string;
}): string {
  if (wanted !== undefined) return resolve(wanted);
  const own = join(root, 'sallyport.yaml');
  if (existsSync(own)) return own;
  const file = join(dataDirectory, 'sallyport.yaml');
  if (!existsSync(file)) writeFileSync(file, demoConfiguration(), { mode: 0o600, flag: 'wx' });
  return file;
}

/**
 * The file names the demonstration's usual addresses: read as those where it listens now, ports in lists among them.
 * @returns what becomes of the file's text
 */
export function withPortsOf(demo: DemoConfigurationUrls): (text: string) => string {
  const moved = new Map(USES.map((use) => [new URL(defaultDemoUrls[use]).port, new URL(demo[use])]));
  return (text) =>
    text
      .replaceAll(/\b127\.0\.0\.1:(\d+)\b/g, (address, port: string) => moved.get(port)?.host ?? address)
      .replaceAll(/\bports:\s*\[[^\]]*\]/g, (list) => list.replaceAll(/\d+/g, (port) => moved.get(port)?.port ?? port));
}
