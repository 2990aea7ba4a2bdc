import type { VerifyContext } from '../context.js';
import { jsonOf, reach, refusedByStatus } from '../reach.js';
import { failed, passed, skipped, type Check, type Finding } from '../step.js';

const AUTHORIZATION_SERVER = 'authorization server';

/** Our authorization server by its public address: metadata, key set, and the page users see. */
export function checkAuthorizationServer(context: VerifyContext): Check[] {
  const { issuer, jwksUrl } = context.config;
  return [
    { step: 'metadata', subject: issuer, run: () => lookAtMetadata(context) },
    { step: 'signing-keys', subject: jwksUrl, run: () => lookAtKeys(context) },
    { step: 'sign-in-page', subject: `${issuer}/authorize`, run: () => lookAtPage(context) },
  ];
}

async function lookAtMetadata({ config: { issuer }, own: fetch, clock }: VerifyContext): Promise<Finding> {
  const url = `${issuer}/.well-known/oauth-authorization-server`;
  const reached = await reach(url, {}, { fetch, clock });
  if (reached.type === 'failed') return reached.finding;
  const refused = refusedByStatus(url, reached.response);
  if (refused) return refused;
  const metadata = reached.response.ok ? await jsonOf(reached.response) : undefined;
  if (metadata === undefined) return failed('metadata_missing', `${url} answers ${reached.response.status}.`);
  if (metadata['issuer'] !== issuer)
    return failed('issuer_mismatch', `It says ${shown(metadata['issuer'])}; SALLYPORT_ISSUER says ${issuer}.`);
  return passed(`The ${AUTHORIZATION_SERVER} describes itself, in ${reached.tookMs} ms.`);
}

/** The published keys, and among them the one that signs now. */
async function lookAtKeys({ config: { jwksUrl }, own: fetch, clock, signingKeys }: VerifyContext): Promise<Finding[]> {
  const reached = await reach(jwksUrl, {}, { fetch, clock });
  if (reached.type === 'failed') return [reached.finding];
  const refused = refusedByStatus(jwksUrl, reached.response);
  if (refused) return [refused];
  const published = kidsOf(await jsonOf(reached.response));
  if (published.length === 0) return [failed('keys_empty', 'The key set has no key.')];
  const active = await signingKeys.read().then(
    (keys) => keys.filter(({ state }) => state === 'active').map(({ kid }) => kid),
    () => undefined,
  );
  if (active === undefined) return [skipped('depends_on_another', 'See database.')];
  if (active.length === 0) return [failed('signing_key_missing', 'No key is active.')];
  const unpublished = active.filter((kid) => !published.includes(kid));
  if (unpublished.length > 0) return [failed('signing_key_not_published', `${unpublished.join(', ')} is not in it.`)];
  return [passed(`${published.length} keys, the active ones among them.`)];
}

/** Without parameters the authorization endpoint answers 400, with a page. Nothing changes. */
async function lookAtPage({ config: { issuer }, own: fetch, clock }: VerifyContext): Promise<Finding> {
  const url = `${issuer}/authorize`;
  const reached = await reach(url, { headers: { accept: 'text/html' } }, { fetch, clock });
  if (reached.type === 'failed') return reached.finding;
  const { status, headers } = reached.response;
  const isPage = headers.get('content-type')?.startsWith('text/html') === true;
  if (status >= 500 || status === 404 || !isPage)
    return failed('sign_in_page_failed', `It answers ${status}${isPage ? '' : ' without a page'}.`);
  return passed(`It answers with a page, in ${reached.tookMs} ms.`);
}

export function kidsOf(keySet: Record<string, unknown> | undefined): string[] {
  const keys: unknown[] = Array.isArray(keySet?.['keys']) ? keySet['keys'] : [];
  return keys.flatMap((key) => {
    if (typeof key !== 'object' || key === null || !('kty' in key) || key.kty === 'oct') return [];
    return 'kid' in key && typeof key.kid === 'string' ? [key.kid] : [''];
  });
}

/** What somebody else wrote, short and quoted. */
export const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
