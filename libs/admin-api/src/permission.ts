import { AdministratorRole, type DocumentKind } from '@sallyport/configuration';
import { z } from 'zod';

const everybody = AdministratorRole.options;
/** Of users: their sessions, accounts and what they did. */
const aboutUsers = ['owner', 'operator', 'auditor'] as const;
/** What a credential is, where it goes and who says so (security rule S29). */
const credentials = ['owner', 'credential-admin'] as const;
const policies = ['owner', 'policy-author'] as const;
const operation = ['owner', 'operator'] as const;

/**
 * What one administrator may do and another may not, e.g. `connections:remove`, and the roles that give it. Each route
 * asks for one of them, and so does each kind of document that somebody writes. This is the one place that says which
 * role may what: the API, the command line and the console all read it.
 */
export const PERMISSIONS = {
  'administrators:write': ['owner'],
  'agents:read': aboutUsers,
  'agents:remove': operation,
  'agents:write': credentials,
  'authorization-server:write': credentials,
  'client-registration:write': credentials,
  'client-registrations:read': everybody,
  'client-registrations:remove': credentials,
  'configuration:read': everybody,
  /** Which kinds they may write, each kind has a permission for: see `permissionToWrite`. */
  'configuration:write': ['owner', 'credential-admin', 'policy-author', 'operator'],
  'connections:read': [...aboutUsers, 'credential-admin'],
  'connections:remove': operation,
  'credential-providers:read': everybody,
  'credential-providers:write': credentials,
  /** All of them at once, in a file that leaves. */
  'events:export': ['owner', 'auditor'],
  'events:read': aboutUsers,
  'gateway:write': credentials,
  'log-streams:read': everybody,
  'log-streams:replay': operation,
  'log-streams:test': [...operation, 'credential-admin'],
  'log-streams:write': credentials,
  'outbound-network:write': credentials,
  'policies:write': policies,
  'revocations:create': operation,
  'roles:write': credentials,
  'servers:write': credentials,
  'shared-connections:invite': credentials,
  'signing-keys:read': everybody,
  'signing-keys:rotate': credentials,
  'signing-keys:withdraw': credentials,
  'status:read': everybody,
  'tool-definitions:approve': operation,
  'tool-definitions:read': everybody,
  'trust-providers:write': credentials,
  'users:read': aboutUsers,
  'vault:read': everybody,
  'vault:rotate': credentials,
  'vault:remove-key': credentials,
  'verify:run': [...aboutUsers, 'credential-admin'],
  'webhooks:write': credentials,
  'workload-issuers:write': credentials,
} as const satisfies Readonly<Record<string, readonly AdministratorRole[]>>;

export type Permission = keyof typeof PERMISSIONS;
export const Permission = z.enum(Object.keys(PERMISSIONS) as [Permission, ...Permission[]]);

/** Whether one of these roles gives the permission. */
export function isPermitted(roles: readonly AdministratorRole[], permission: Permission): boolean {
  const given: readonly AdministratorRole[] = PERMISSIONS[permission];
  return roles.some((role) => given.includes(role));
}

const TO_WRITE = {
  TrustProvider: 'trust-providers:write',
  Role: 'roles:write',
  Administrators: 'administrators:write',
  McpServer: 'servers:write',
  ApprovedTools: 'tool-definitions:approve',
  CredentialProvider: 'credential-providers:write',
  AccessPolicy: 'policies:write',
  Agent: 'agents:write',
  WorkloadIssuer: 'workload-issuers:write',
  ClientRegistration: 'client-registration:write',
  AuthorizationServer: 'authorization-server:write',
  Gateway: 'gateway:write',
  OutboundNetwork: 'outbound-network:write',
  Webhook: 'webhooks:write',
  LogStream: 'log-streams:write',
} as const satisfies Readonly<Record<DocumentKind, Permission>>;

/** What whoever writes or removes a document of this kind must be permitted. */
export const permissionToWrite = (kind: DocumentKind): Permission => TO_WRITE[kind];
