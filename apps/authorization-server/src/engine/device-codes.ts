import type { Page } from '@sallyport/pages';
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';
import { DEVICE_AUTHORIZATION_PATH, DEVICE_PATH } from './device-paths.js';
import { showPage } from './show-page.js';

/** Why the page for codes is shown again: `other` is an error that is not about the code. */
export type DeviceProblem = 'no-code' | 'unknown' | 'expired' | 'used' | 'refused' | 'other';

/** The pages of device authorization. `formToken` shows that a form is of a page that this browser was sent. */
export interface DevicePages {
  input(shown: { readonly formToken: string; readonly problem?: DeviceProblem | undefined }): Page;
  confirm(shown: {
    readonly formToken: string;
    /** As the device shows it, e.g. `BCDF-GHJK`. */
    readonly userCode: string;
    readonly clientName: string;
    /** Where the device asked from. */
    readonly address: string | undefined;
  }): Page;
  readonly done: Page;
  /** Too many of these pages at once, from here or from everywhere (`isCommon`). */
  busy(isCommon: boolean): Page;
}

/** What the engine keeps in the browser's session while a code is entered. */
interface FormState {
  readonly secret?: string;
}
const formTokenOf = (ctx: KoaContextWithOIDC): string =>
  (ctx.oidc.session?.state as FormState | undefined)?.secret ?? '';

/** A browser that was sent no page yet, or whose session is over: what it sent belongs to no form of ours. */
const isOfNoPage = ({ oidc: { session } }: KoaContextWithOIDC): boolean => session?.exp === undefined;

/** Leads to the page for codes, which begins a session. The engine stores no session that was never stored before. */
function beginAnew(ctx: KoaContextWithOIDC): void {
  if (ctx.oidc.session) Reflect.set(ctx.oidc.session, 'touched', false);
  ctx.status = 303;
  ctx.redirect(DEVICE_PATH);
}

const PROBLEMS: Readonly<Record<string, DeviceProblem>> = {
  NoCodeError: 'no-code',
  NotFoundError: 'unknown',
  ExpiredError: 'expired',
  AlreadyUsedError: 'used',
  AbortedError: 'refused',
};

/** Device authorization (RFC 8628): the user types the code, which nobody can send them as a link (section 5.4). */
export function deviceFlow(pages: DevicePages) {
  return {
    enabled: true,
    charset: 'base-20' as const,
    mask: '****-****',
    deviceInfo: (ctx: KoaContextWithOIDC) => ({ address: ctx.ip }),
    userCodeInputSource: (ctx, _form, _out, error) => {
      if (error && isOfNoPage(ctx)) return beginAnew(ctx);
      const problem = error && (PROBLEMS[error.name] ?? 'other');
      showPage(ctx, pages.input({ formToken: formTokenOf(ctx), problem }));
    },
    userCodeConfirmSource: (ctx, _form, client, deviceInfo, userCode) => {
      const { address } = deviceInfo as { readonly address?: string };
      const clientName = client.clientName ?? client.clientId;
      showPage(ctx, pages.confirm({ formToken: formTokenOf(ctx), userCode, clientName, address }));
    },
    successSource: (ctx) => showPage(ctx, pages.done),
  } satisfies NonNullable<Configuration['features']>['deviceFlow'];
}

type Middleware = Parameters<Provider['use']>[0];

/** Bounds who guesses codes as who begins authorizations: nobody is named yet (S32, RFC 8628 section 5.1). */
export const limitDevicePage =
  ({ limits }: Pick<EngineDecisions, 'limits'>, pages: DevicePages): Middleware =>
  async (ctx, next) => {
    if (ctx.path !== DEVICE_PATH) return next();
    const refusal = limits.admitUnproven('authorize', ctx.ip);
    if (refusal === undefined) {
      limits.chargeUnproven('authorize');
      return next();
    }
    const { retryAfterSeconds, isCommon = false } = refusal;
    ctx.status = isCommon ? 503 : 429;
    ctx.set('Retry-After', String(retryAfterSeconds));
    showPage(ctx, pages.busy(isCommon));
  };

/** Neither gives out nor takes an address that has the code in it: a link in a message would be all a thief needs. */
export const withoutCodesInLinks: Middleware = async (ctx, next) => {
  if (ctx.path === DEVICE_PATH && ctx.method === 'GET') ctx.query = {};
  await next();
  if (ctx.path === DEVICE_AUTHORIZATION_PATH && typeof ctx.body === 'object' && ctx.body !== null)
    delete (ctx.body as Record<string, unknown>)['verification_uri_complete'];
};
