import { routes, type Route, type SuccessStatus } from '@sallyport/admin-api';
import { expect } from 'vitest';

const all: readonly Route[] = Object.values(routes);

/** Holds an answer of the API to what its route declares: each member, and no other. Refusals and pages pass. */
export function expectDeclared(
  { method = 'GET', path }: { method?: string | undefined; path: string },
  status: number,
  body: unknown,
): void {
  const { pathname } = new URL(path, 'http://control.example');
  const route = all.find(
    (one) => one.method === method && new RegExp(`^${one.path.replaceAll(/:\w+/g, '[^/]+')}$`).test(pathname),
  );
  if (route === undefined || status >= 300) return;
  const schema = route.answers[status as SuccessStatus];
  expect(schema?.parse(body), `${method} ${pathname} answers ${status} as its route declares`).toEqual(body);
}
