import { variable } from '@sallyport/config';
import { z } from 'zod';
import { outboundProxy, readProxyUrl, type OutboundProxy } from './outbound-proxy.js';

const proxyUrl = () =>
  z.string().transform((text, context) => {
    const server = readProxyUrl(text);
    if (server !== undefined) return server;
    context.addIssue({
      code: 'custom',
      message: 'must be a proxy such as http://proxy.example:3128, by http or https and without a path',
    });
    return z.NEVER;
  });

/**
 * The environment variables of a process that calls others. An app spreads them into its own schema. The first three
 * are those that other programs read, too.
 */
export function proxyVariables() {
  return {
    HTTPS_PROXY: proxyUrl()
      .optional()
      .describe(
        'The proxy for calls to https addresses: `http://[user:password@]host:port` or `https://…`; ' +
          'see docs/outbound-proxy.md. A lower-case name counts before this one',
      ),
    HTTP_PROXY: proxyUrl()
      .optional()
      .describe('The proxy for calls to plain http addresses, which `OutboundNetwork` must allow'),
    NO_PROXY: z
      .string()
      .default('')
      .describe(
        'Hosts to call directly, comma-separated: names (with all names under them), addresses or CIDR ranges, ' +
          'each with or without a port; `*` is every host. This machine and our own services never use it',
      ),
    SALLYPORT_PROXY_RESOLVES: variable
      .flag()
      .default(false)
      .describe(
        'Whether the proxy may resolve names that do not resolve here; it must then refuse private addresses itself',
      ),
  };
}

export type ProxyEnvironment = z.infer<z.ZodObject<ReturnType<typeof proxyVariables>>>;

export function proxyOf(environment: ProxyEnvironment): OutboundProxy | undefined {
  return outboundProxy({
    https: environment.HTTPS_PROXY,
    http: environment.HTTP_PROXY,
    noProxy: environment.NO_PROXY,
    resolvesNames: environment.SALLYPORT_PROXY_RESOLVES,
  });
}
