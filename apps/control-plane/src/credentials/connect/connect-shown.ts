import { createHash } from 'node:crypto';
import type { Shown } from '@sallyport/authorization';
import { pinsOf, type ConfiguredTarget } from '@sallyport/connection';
import { serverTitle } from '@sallyport/server';

/** A server as a page names it, and all that a grant for it is bound to (S20, S35). */
export function targetShown(target: ConfiguredTarget): Shown {
  const { server, provider } = target;
  const pins = createHash('sha256')
    .update(JSON.stringify(pinsOf(target)))
    .digest('base64url');
  return {
    server: server.name,
    title: serverTitle(server),
    host: new URL(server.spec.url).host,
    provider: provider.name,
    type: provider.spec.type,
    pins,
  };
}
