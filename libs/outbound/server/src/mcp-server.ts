import type { ConfigurationSnapshot, DocumentOf } from '@sallyport/configuration';

/** A server behind the gateway, as an administrator configured it. Policies and prefixes use its name. */
export type McpServer = DocumentOf<'McpServer'>;

/** What people read of a server: its title, else its name. */
export function serverTitle({ name, spec }: McpServer): string {
  return spec.title ?? name;
}

/** The title of the server of this name; the name itself when no such server is configured any more. */
export function titleOfServer(snapshot: Pick<ConfigurationSnapshot, 'get'>, name: string): string {
  const server = snapshot.get('McpServer', name);
  return server ? serverTitle(server) : name;
}
