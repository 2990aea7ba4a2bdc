import { MARKUP, names, paths, rawTexts, redirectTricks, texts, values } from './hostile-texts.js';
import { Raw, type Draft, type FuzzFacts } from './fuzz-request.js';
import type { Random } from './random.js';

export type Mutation = (draft: Draft, random: Random, facts: FuzzFacts) => void;

type Parameter = Draft['parameters'][number];
const some = (draft: Draft, random: Random): Parameter =>
  draft.parameters.length === 0 ? ['', ''] : (draft.parameters[random.below(draft.parameters.length)] ?? ['', '']);
const oversized = (random: Random): string =>
  random.pick(['x', 'é', '%', '{"a":', MARKUP]).repeat(random.pick([300, 2_000, 9_000, 30_000]));

const onParameters: readonly [Mutation, ...Mutation[]] = [
  (draft, random) => void draft.parameters.splice(random.below(draft.parameters.length || 1), 1),
  (draft, random) => void draft.parameters.push([...some(draft, random)]),
  (draft, random) => void draft.parameters.push([some(draft, random)[0], random.pick(texts)]),
  (draft, random) => void (some(draft, random)[1] = random.pick(texts)),
  (draft, random) => void (some(draft, random)[1] = random.pick(texts)),
  (draft, random) => void (some(draft, random)[1] = new Raw(random.pick(rawTexts))),
  (draft, random) => void (some(draft, random)[1] = oversized(random)),
  (draft, random) => void (some(draft, random)[1] = random.pick(values)),
  (draft, random) =>
    void (some(draft, random)[0] += random.pick(['[]', '[0]', '[a]', '[__proto__]', ' ', '\u0000', '.x', '%5b%5d'])),
  (draft, random) => {
    const parameter = some(draft, random);
    parameter[0] = random.pick([parameter[0].toUpperCase(), random.pick(names)]);
  },
  (draft, random) =>
    void draft.parameters.push([random.pick(names), random.oneIn(3) ? random.pick(values) : random.pick(texts)]),
  (draft, random) =>
    void draft.parameters.push(
      ...Array.from({ length: random.pick([5, 50, 1_500]) }, (_none, index): Parameter => [
        `${random.pick(names)}${index}`,
        'x',
      ]),
    ),
  (draft, random) => {
    const [one, other] = [some(draft, random), some(draft, random)];
    [one[1], other[1]] = [other[1], one[1]];
  },
  (draft, random) => {
    const parameter = some(draft, random);
    if (typeof parameter[1] === 'string')
      parameter[1] = random.pick([
        ` ${parameter[1]}`,
        `${parameter[1]}\n`,
        parameter[1].toUpperCase(),
        parameter[1].slice(0, -1),
        `${parameter[1]}x`,
        encodeURIComponent(parameter[1]),
      ]);
  },
  ...redirects(3),
];

/** Several times, because it is what an attacker is after. */
function redirects(times: number): Mutation[] {
  return Array.from({ length: times }, () => (draft, random, facts) => {
    const trick = random.pick(redirectTricks(facts));
    const parameter = draft.parameters.find(([name]) => name === 'redirect_uri' || name === 'redirect_uris');
    if (parameter === undefined) draft.parameters.push(['redirect_uri', trick]);
    else if (parameter[0] === 'redirect_uris') parameter[1] = random.pick([[trick], [facts.redirectUri, trick], trick]);
    else if (random.oneIn(4)) draft.parameters.push(['redirect_uri', trick]);
    else parameter[1] = trick;
  });
}

const onHeaders: readonly [Mutation, ...Mutation[]] = [
  // Not added to another: an HTTP client sends one, and a second is refused by Node's parser before any code of ours.
  (draft, random) =>
    void (draft.headers = [
      ...draft.headers.filter(([name]) => name !== 'host'),
      [
        'host',
        random.pick([
          'evil.example',
          'evil.example:7401',
          '127.0.0.1',
          '127.0.0.1:1',
          'a, b',
          '[::1]',
          'x'.repeat(1_000),
        ]),
      ],
    ]),
  (draft, random) =>
    void draft.headers.push([
      'origin',
      random.pick(['https://evil.example', 'null', 'file://', '', 'http://127.0.0.1:1']),
    ]),
  (draft, random) =>
    void draft.headers.push([
      random.pick([
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-forwarded-for',
        'forwarded',
        'x-original-url',
        'x-rewrite-url',
        'x-http-method-override',
      ]),
      random.pick([
        'evil.example',
        'https',
        '1.2.3.4, 5.6.7.8',
        'host=evil.example',
        '/admin',
        'DELETE',
        'x'.repeat(4_000),
      ]),
    ]),
  (draft, random) =>
    void draft.headers.push([
      'content-type',
      random.pick([
        'application/json',
        'application/x-www-form-urlencoded; charset=utf-7',
        'text/plain',
        'multipart/form-data; boundary=x',
        'application/xml',
        '',
        ';',
        'application/x-www-form-urlencoded;charset="',
        'application/jwt',
      ]),
    ]),
  (draft, random) =>
    void draft.headers.push(['content-encoding', random.pick(['gzip', 'br', 'deflate', 'identity, gzip', 'x'])]),
  (draft, random, facts) =>
    void draft.headers.push([
      'authorization',
      random.pick([
        'Basic',
        'Basic ',
        'Basic !!!',
        `Basic ${Buffer.from('%zz:%').toString('base64')}`,
        `Basic ${Buffer.from(':').toString('base64')}`,
        `Basic ${Buffer.from(`${facts.confidentialClient.id}:wrong`).toString('base64')}`,
        `Bearer ${facts.accessToken}`,
        'Bearer',
        'DPoP x',
        'Digest x',
        `Basic ${'A'.repeat(8_000)}`,
      ]),
    ]),
  (draft, random, facts) => {
    const proof = random.pick(facts.dpopProofs);
    draft.headers.push([
      'dpop',
      random.pick([
        'x',
        'a.b.c',
        'eyJhbGciOiJub25lIn0.e30.',
        '',
        'x'.repeat(9_000),
        proof,
        proof,
        `${proof}, ${proof}`,
        proof.slice(0, -4),
        proof.replace('.', '..'),
        proof.replace(/^[^.]+/, 'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Im9jdCIsImsiOiJBQSJ9fQ'),
      ]),
    ]);
  },
  (draft, random) =>
    void draft.headers.push([
      'cookie',
      random.pick([
        'sallyport_as_session=x; sallyport_as_session.sig=y',
        'sallyport_as_session=%%%',
        '=;=;=',
        `a=${'b'.repeat(6_000)}`,
        '__proto__=x',
        'sallyport_as_interaction=',
      ]),
    ]),
  (draft, random) =>
    void draft.headers.push([
      'accept',
      random.pick(['', '*/*;q=0', 'text/html', 'application/json', 'x'.repeat(2_000), ',,,']),
    ]),
  (draft, random) =>
    void draft.headers.push(['accept-language', random.pick(['', 'x'.repeat(3_000), '*;q=zzz', 'de-DE-1996'])]),
  (draft, random) => void draft.headers.push(['x-padding', 'x'.repeat(random.pick([8_000, 20_000]))]),
  (draft, random) => void draft.headers.push(['if-none-match', random.pick(['*', '"x"'])]),
];

const onTheWhole: readonly [Mutation, ...Mutation[]] = [
  (draft, random) =>
    void (draft.method = random.pick(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PROPFIND'])),
  (draft, random) => void (draft.path += random.pick(paths)),
  (draft, random) =>
    void (draft.path = random.pick([
      draft.path.toUpperCase(),
      `/${draft.path}`,
      `${draft.path}/`,
      draft.path.replace('/', '/./'),
    ])),
  (draft, random) => void (draft.encoding = random.pick(['query', 'form', 'json'])),
  (draft, random) =>
    void (draft.path = random.pick(['/authorize', '/token', '/register', '/par', '/revoke', '/introspect'])),
];

/** One to four changes, most of them to parameters. */
export function mutate(draft: Draft, random: Random, facts: FuzzFacts): void {
  for (let count = 1 + random.below(4); count > 0; count--) {
    const among = random.below(10);
    random.pick(among < 7 ? onParameters : among < 9 ? onHeaders : onTheWhole)(draft, random, facts);
  }
}
