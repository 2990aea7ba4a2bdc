import { z } from 'zod';

/** What one administrator may do and another may not, e.g. `connections:remove`. Each route asks for one of them. */
export const Permission = z.enum([
  'agents:read',
  'agents:remove',
  'client-registrations:read',
  'client-registrations:remove',
  'configuration:read',
  'connections:read',
  'connections:remove',
  'credential-providers:read',
  'events:read',
  'revocations:create',
  'shared-connections:invite',
  'signing-keys:read',
  'signing-keys:rotate',
  'signing-keys:withdraw',
  'status:read',
  'tool-definitions:approve',
  'tool-definitions:read',
  'vault:read',
  'vault:rotate',
  'vault:remove-key',
]);
export type Permission = z.infer<typeof Permission>;
