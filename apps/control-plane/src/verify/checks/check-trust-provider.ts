import { randomBytes } from 'node:crypto';
import { trustProviderRules, type TrustProviderRules } from '@sallyport/authorization';
import type { DocumentOf } from '@sallyport/configuration';
import { requestToken, type OAuthClient } from '@sallyport/oauth';
import type { VerifyContext } from '../context.js';
import { jsonOf, reach, refusedByStatus } from '../reach.js';
import { failed, passed, skipped, warned, type Check, type Finding } from '../step.js';
import { kidsOf, shown } from './check-authorization-server.js';

type TrustProvider = DocumentOf<'TrustProvider'>;

const OFF_MS = 60_000;
const SLOW_MS = 2_000;

/** Each identity provider: its metadata, its keys, its clock, and whether it takes our client. */
export function checkTrustProviders(context: VerifyContext): Check[] {
  return context
    .documents()
    .all('TrustProvider')
    .map((provider) => ({
      step: 'trust-provider',
      subject: `TrustProvider/${provider.name}`,
      run: () => lookAt(provider, context),
    }));
}

async function lookAt(provider: TrustProvider, context: VerifyContext): Promise<Finding[]> {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules) return [skipped('depends_on_another', 'The document itself is not valid.')];
  const { outbound: fetch, clock } = context;
  const url = `${rules.issuer.discovery.href.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const reached = await reach(url, { headers: { accept: 'application/json' } }, { fetch, clock });
  if (reached.type === 'failed') return [reached.finding];
  const refused = refusedByStatus(url, reached.response);
  if (refused) return [refused];
  const metadata = reached.response.ok ? await jsonOf(reached.response) : undefined;
  if (metadata === undefined) return [failed('metadata_missing', `${url} answers ${reached.response.status}.`)];
  const wanted = rules.issuer.template ?? provider.spec.issuer;
  if (metadata['issuer'] !== wanted)
    return [failed('issuer_mismatch', `It says ${shown(metadata['issuer'])}; the document says ${wanted}.`)];
  const findings = await Promise.all([
    lookAtKeys(String(metadata['jwks_uri']), context),
    tryClient({ provider, rules, metadata }, context),
  ]);
  return [
    judgeClock(reached.clockOffByMs),
    ...(reached.tookMs > SLOW_MS ? [warned('answers_slowly', `It took ${reached.tookMs} ms.`)] : []),
    ...findings,
  ];
}

function judgeClock(clockOffByMs: number | undefined): Finding {
  if (clockOffByMs === undefined || Math.abs(clockOffByMs) <= OFF_MS) return passed('Its metadata is right.');
  const seconds = Math.round(Math.abs(clockOffByMs) / 1000);
  return failed('clock_differs_from_provider', `It is ${seconds} s ${clockOffByMs > 0 ? 'ahead' : 'behind'}.`);
}

async function lookAtKeys(url: string, { outbound: fetch, clock }: VerifyContext): Promise<Finding> {
  if (!URL.canParse(url)) return failed('keys_empty', 'Its metadata names no key set.');
  const reached = await reach(url, {}, { fetch, clock });
  if (reached.type === 'failed') return reached.finding;
  const refused = refusedByStatus(url, reached.response);
  if (refused) return refused;
  const count = kidsOf(reached.response.ok ? await jsonOf(reached.response) : undefined).length;
  return count === 0 ? failed('keys_empty', `${url} has no usable key.`) : passed(`${count} keys.`);
}

interface Found {
  readonly provider: TrustProvider;
  readonly rules: TrustProviderRules;
  readonly metadata: Record<string, unknown>;
}

/**
 * Tries to redeem a code that nobody issued. A provider that knows us refuses the code; one that does not refuses us
 * (RFC 6749 section 5.2, `invalid_client`). Nothing is granted either way.
 */
async function tryClient(found: Found, context: VerifyContext): Promise<Finding> {
  const { provider, metadata } = found;
  const { issuer } = context.config;
  const tokenEndpoint = String(metadata['token_endpoint']);
  if (!URL.canParse(tokenEndpoint)) return failed('metadata_missing', 'Its metadata names no token endpoint.');
  const client = await clientOf(found, context);
  if (client === undefined) return skipped('depends_on_another', 'See the step of its secret.');
  const parameters = {
    grant_type: 'authorization_code',
    code: randomBytes(24).toString('base64url'),
    redirect_uri: `${issuer}/federation/${provider.name}/callback`,
    code_verifier: randomBytes(32).toString('base64url'),
  };
  const request = { tokenEndpoint, client, parameters, now: context.clock() };
  const result = await requestToken(request, context.outbound);
  switch (result.type) {
    case 'refused': {
      const isOfUs = ['invalid_client', 'unauthorized_client'].includes(result.error);
      const said = `${result.error}${result.description === null ? '' : `: ${result.description}`}`;
      if (isOfUs || (result.status === 401 && result.error === 'unknown_error')) return failed('client_refused', said);
      return passed('It takes our client.');
    }
    case 'unavailable':
      return failed('server_error', `Its token endpoint answers ${result.status}.`);
    case 'granted':
    case 'malformed_answer':
      return passed('Its token endpoint answers.');
    default:
      return failed('connection_broken', `Its token endpoint: ${result.type}.`);
  }
}

/** Our client as sign-ins use it. */
async function clientOf({ provider, rules, metadata }: Found, { findSecret }: VerifyContext) {
  const { name, spec } = provider;
  const base = { issuer: spec.issuer, clientId: spec.clientId };
  const offered = metadata['token_endpoint_auth_methods_supported'];
  const secretMethod =
    Array.isArray(offered) && offered.includes('client_secret_post') ? 'client_secret_post' : 'client_secret_basic';
  const authentication: OAuthClient['authentication'] = rules.tokenEndpointAuthMethod ?? secretMethod;
  if (authentication === 'none') return { ...base, authentication, clientSecret: null };
  const field = authentication === 'private_key_jwt' ? 'clientKey' : 'clientSecret';
  const secret = await findSecret(`TrustProvider/${name}/${field}`).catch(() => undefined);
  if (secret === undefined) return undefined;
  if (field === 'clientSecret') return { ...base, authentication, clientSecret: secret };
  const ofIssuer = rules.assertionAudience === 'token_endpoint' ? {} : { assertionAudience: spec.issuer };
  return { ...base, authentication, clientSecret: null, clientKey: secret, ...ofIssuer };
}
