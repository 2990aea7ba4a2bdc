import { variable } from '@sallyport/config';
import { proxyVariables } from '@sallyport/safe-fetch';
import { z } from 'zod';

/** What every service's environment has: spread it into the service's own schema. */
export function processVariables({ replica, healthPort }: { replica: string; healthPort: number }) {
  return {
    SALLYPORT_REPLICA: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens')
      .default(replica)
      .describe('Name of this replica: on the bus, in events'),
    SALLYPORT_HEALTH_HOST: z.string().min(1).default('127.0.0.1').describe('Address health and metrics listen on'),
    SALLYPORT_HEALTH_NAMES: variable
      .list()
      .default([])
      .describe(
        'Host names health and metrics are asked by, comma-separated; addresses, names without a dot and `….svc` are ' +
          'always taken',
      ),
    SALLYPORT_HEALTH_PORT: variable.port().default(healthPort).describe('Port of health and metrics'),
    SALLYPORT_LOG_LEVEL: variable.logLevel().default('info').describe('How much is logged'),
    NATS_URL: variable
      .list()
      .refine((servers) => servers.length > 0, 'must name at least one server')
      .describe('NATS servers, comma-separated'),
    SALLYPORT_NATS_SEED_FILE: variable
      .path()
      .optional()
      .describe('File of the nkey seed this replica signs in to NATS with'),
    ...proxyVariables(),
  };
}

export type ProcessEnvironment = z.infer<z.ZodObject<ReturnType<typeof processVariables>>>;
