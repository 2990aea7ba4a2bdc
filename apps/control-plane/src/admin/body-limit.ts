import { routes, type Route } from '@sallyport/admin-api';

const DEFAULT_BYTES = 1024 * 1024;
const limits = new Map(
  Object.values<Route>(routes).map(({ method, path, maxBodyBytes }) => [`${method} ${path}`, maxBodyBytes]),
);

/** How large the body of a request that was matched to a route of the API may be. Bytes. */
export const bodyLimitOf = ({
  method,
  routeOptions: { url = '' },
}: {
  readonly method: string;
  readonly routeOptions: { readonly url?: string | undefined };
}): number => limits.get(`${method} ${url}`) ?? DEFAULT_BYTES;
