import type { OAuthPreset } from '@sallyport/configuration';

/** What is known of a hosted server beyond what it says itself, observed on 2026-11-29. */
export interface KnownHost {
  /** The server's name in documents. */
  readonly name: string;
  readonly title: string;
  /** Where somebody registers an OAuth client by hand. */
  readonly registerAt?: string;
  /** Where a user makes a token by hand that the server takes as bearer. */
  readonly tokensAt?: string;
  /** The provider's OAuth as `oauth-user` knows it, for servers that cannot be discovered. */
  readonly preset?: OAuthPreset;
  /** What to know before connecting. */
  readonly note?: string;
}

const KNOWN: readonly (KnownHost & { readonly hosts: RegExp })[] = [
  {
    hosts: /(^|\.)githubcopilot\.com$/,
    name: 'github',
    title: 'GitHub',
    registerAt: 'https://github.com/settings/developers',
    tokensAt: 'https://github.com/settings/personal-access-tokens',
    preset: 'github',
  },
  {
    hosts: /(^|\.)mcp\.atlassian\.com$/,
    name: 'atlassian',
    title: 'Atlassian',
    registerAt: 'https://developer.atlassian.com/console/myapps/',
    preset: 'atlassian',
    note: 'an administrator of the Atlassian organisation lists the redirect domains that may connect',
  },
  {
    hosts: /(^|\.)mcp\.notion\.com$/,
    name: 'notion',
    title: 'Notion',
    registerAt: 'https://www.notion.so/profile/integrations',
    preset: 'notion',
  },
  {
    hosts: /(^|\.)mcp\.slack\.com$/,
    name: 'slack',
    title: 'Slack',
    registerAt: 'https://api.slack.com/apps',
    preset: 'slack',
    note: 'only apps of the directory and internal apps may connect',
  },
  {
    hosts: /(^|\.)mcp\.linear\.app$/,
    name: 'linear',
    title: 'Linear',
    registerAt: 'https://linear.app/settings/api/applications/new',
    preset: 'linear',
  },
  {
    hosts: /(^|\.)mcp\.sentry\.dev$/,
    name: 'sentry',
    title: 'Sentry',
    registerAt: 'https://sentry.io/settings/account/api/applications/',
    preset: 'sentry',
  },
  {
    hosts: /(^|\.)mcp\.hubspot\.com$/,
    name: 'hubspot',
    title: 'HubSpot',
    registerAt: 'https://developers.hubspot.com/get-started',
    preset: 'hubspot',
    note: 'an administrator of the HubSpot account connects first',
  },
  {
    hosts: /(^|\.)api\.salesforce\.com$/,
    name: 'salesforce',
    title: 'Salesforce',
    registerAt: 'https://login.salesforce.com/ (Setup, External Client App Manager)',
    preset: 'salesforce',
  },
  {
    hosts: /mcp\.googleapis\.com$/,
    name: '',
    title: 'Google',
    registerAt: 'https://console.cloud.google.com/apis/credentials',
    preset: 'google',
    note: 'tools are listed without signing in, and calls want an account all the same',
  },
  {
    hosts: /(^|\.)(crm\.dynamics\.com|api\.fabric\.microsoft\.com|dev\.azure\.com|svc\.cloud\.microsoft)$/,
    name: '',
    title: 'Microsoft',
    registerAt: 'https://entra.microsoft.com/ (App registrations)',
    preset: 'microsoft',
    note: 'Entra ID refuses `resource` for some of its servers: then write `resource: false`',
  },
];

/** What is known of the host, if anything. `name` is empty where one host name says more than we do. */
export const knownHost = (hostname: string): KnownHost | undefined =>
  KNOWN.find(({ hosts }) => hosts.test(hostname.toLowerCase()));
