import { RouteConfig } from '@nestjs/platform-fastify';
import type { Permission } from '@sallyport/admin-api';

/** Who may ask a route. Each route declares it; the permission guard refuses a route that does not. */
export type Access =
  | { readonly type: 'permission'; readonly permission: Permission }
  /** Anybody. `because` says what the route itself asks for instead. */
  | { readonly type: 'open'; readonly because: string };

const declare = (access: Access): MethodDecorator => RouteConfig({ access });

/** Declares that the guard lets anybody ask this route, and why. */
export const Open = (because: string): MethodDecorator => declare({ type: 'open', because });

/**
 * Declares a page. The page asks for the session of the browser itself, and a form is signed for that session (S23). A
 * page writes its answer raw (`@Res()`): cookies, redirects and the content security policy are part of what it says.
 */
export const ForBrowsers = Open('a page: it asks for the session of the browser, and for a form of that session');

/** Declares that the guard lets only those ask this route who have the permission. */
export const Permitted = (permission: Permission): MethodDecorator => declare({ type: 'permission', permission });

/** What the matched route declares; `undefined` where it declares nothing, or no route matched. */
export function accessOf({
  routeOptions,
}: {
  readonly routeOptions: { readonly config?: unknown };
}): Access | undefined {
  return (routeOptions.config as { readonly access?: Access } | undefined)?.access;
}
