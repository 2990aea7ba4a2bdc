import type { Demo } from '@sallyport/demo';

/** What is typed to see it work and to check it: another in a clone than with the package. */
export interface Typed {
  readonly demo: string;
  readonly verify: string;
}

/** What is printed when everything is up: where it is, how an agent connects, who may sign in. */
export function greeting({
  gatewayUrl,
  controlPlaneUrl,
  healthUrl,
  dataDirectory,
  configurationFile,
  demo,
  typed,
}: {
  gatewayUrl: string;
  controlPlaneUrl: string;
  healthUrl: string;
  dataDirectory: string;
  configurationFile: string;
  demo: Demo | undefined;
  typed: Typed;
}): string {
  const endpoint = `${gatewayUrl}/mcp`;
  const entry = JSON.stringify({ url: endpoint });
  return [
    '',
    `Sallyport is ready: ${endpoint}`,
    '',
    '  Claude Code   claude mcp add --transport http sallyport ' + endpoint,
    `  Cursor        ~/.cursor/mcp.json   {"mcpServers":{"sallyport":${entry}}}`,
    `  VS Code       .vscode/mcp.json     {"servers":{"sallyport":{"type":"http","url":"${endpoint}"}}}`,
    '',
    ...(demo
      ? [
          `  Demo users    ${demo.users.map(signInOf).join(', ')} (password = name); ` +
            `at the notes server: ${demo.notesAccounts.map(accountOf).join(', ')}`,
          `  See it work   ${typed.demo}`,
          '',
        ]
      : []),
    `  Check it      ${typed.verify}`,
    `  Configuration ${configurationFile}`,
    `  Administration ${controlPlaneUrl}/v1/events with the token in ${dataDirectory}/admin-token` +
      (demo ? '; of the demo users, admin is owner' : ''),
    `  Health        ${healthUrl}/readyz, ${healthUrl}/metrics`,
    `  Data          ${dataDirectory} (stop with Ctrl-C)`,
    '',
  ].join('\n');
}

interface Account {
  readonly username: string;
  readonly password: string;
}

const accountOf = ({ username, password }: Account): string => `${username}/${password}`;

const signInOf = (account: Account): string =>
  account.username === account.password ? account.username : accountOf(account);
