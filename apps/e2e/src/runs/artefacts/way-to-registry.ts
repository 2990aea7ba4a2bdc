/** What this machine says of proxies, registries and certificates. */
export const wayToRegistry = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined &&
      /^(?:npm_config_(?:registry|cafile)|NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)$/i.test(name)
        ? [[name, value]]
        : [],
    ),
  );
