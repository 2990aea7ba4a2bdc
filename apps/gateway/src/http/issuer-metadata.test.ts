import { SallyportError } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { IssuerMetadata } from './issuer-metadata.js';

const issuer = 'https://auth.example';
const document = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  registration_endpoint: `${issuer}/register`,
};

function served(answer: () => Response | Promise<Response>) {
  const asked: string[] = [];
  const time = { now: 1_000_000 };
  const fetch: typeof globalThis.fetch = async (input) => {
    asked.push(input instanceof Request ? input.url : String(input));
    return answer();
  };
  return {
    asked,
    time,
    metadata: new IssuerMetadata({
      url: 'http://as.svc/.well-known/oauth-authorization-server',
      issuer,
      fetch,
      clock: () => time.now,
    }),
  };
}

test('the document of the authorization server is asked for once a minute, however many ask at once (S32)', async () => {
  const { asked, time, metadata } = served(() => Response.json(document));
  expect(await Promise.all(Array.from({ length: 20 }, () => metadata.read()))).toEqual(
    Array.from({ length: 20 }, () => document),
  );
  time.now += 59_999;
  await metadata.read();
  expect(asked).toEqual(['http://as.svc/.well-known/oauth-authorization-server']);
  time.now += 1;
  await metadata.read();
  expect(asked).toHaveLength(2);
});

test.each<[string, () => Response]>([
  ['of another issuer', () => Response.json({ ...document, issuer: 'https://evil.example' })],
  ['without a token endpoint', () => Response.json({ issuer, authorization_endpoint: `${issuer}/authorize` })],
  ['that is no JSON', () => new Response('<html>')],
  ['that is not there', () => new Response(null, { status: 404 })],
  [
    'that cannot be reached',
    () => {
      throw new SallyportError('outbound_unreachable', 'no');
    },
  ],
])('one %s is not given out, and asked for again only seconds later (S19)', async (_what, answer) => {
  const { asked, time, metadata } = served(answer);
  expect([await metadata.read(), await metadata.read(), asked.length]).toEqual([undefined, undefined, 1]);
  time.now += 5_000;
  expect([await metadata.read(), asked.length]).toEqual([undefined, 2]);
});

test('the last good one goes on being given out for an hour (B32)', async () => {
  let isAway = false;
  const { time, metadata } = served(() => (isAway ? new Response(null, { status: 503 }) : Response.json(document)));
  expect(await metadata.read()).toEqual(document);
  isAway = true;
  time.now += 3_599_999;
  expect(await metadata.read()).toEqual(document);
  time.now += 1;
  expect(await metadata.read()).toBeUndefined();
});
