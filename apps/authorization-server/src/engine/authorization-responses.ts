import { isTrustedRedirect } from '@sallyport/authorization';
import type { Page } from '@sallyport/pages';
import type { EngineDecisions, RenderError, WayBack } from './engine.js';
import type { GivenAnswers } from './given-answers.js';
import { answerUrl, toRegistration, type Wrappers } from './internals.js';
import { showPage } from './show-page.js';

interface Parts {
  readonly given: GivenAnswers;
  readonly decisions: Pick<EngineDecisions, 'documents'>;
  readonly renderError: RenderError;
  readonly showReturn: ShowReturn;
}
export type ShowReturn = (ctx: Parameters<typeof showPage>[0] & { status: number }, back: WayBack) => void;

/** The page from which a browser goes back to its agent. */
export const returnPages =
  (renderReturn: (back: WayBack) => Page): ShowReturn =>
  (ctx, back) => {
    ctx.status = 200;
    showPage(ctx, renderReturn(back));
  };

/**
 * How an authorization response (RFC 6749 section 4.1.2) reaches its agent. The engine redirects, but for two cases:
 *
 * - After a form of ours, a page ends the chain of redirects before the agent's own begins.
 * - An error at once, for which nobody has clicked anything, sends nobody to an address that nobody vouches for
 *   (RFC 9700 section 4.11.2).
 */
export function authorizationResponses({ given, decisions, renderError, showReturn }: Parts): Wrappers['answer'] {
  return async (ctx, redirectUri, parameters, builtIn) => {
    const { client, route, entities } = ctx.oidc;
    if (!client) return builtIn();
    const agent = toRegistration(client);
    const back = { agent, redirectUri, href: answerUrl(redirectUri, parameters) };
    if (route === 'resume' && entities.Interaction) {
      await given.give(ctx, entities.Interaction.uid, back);
      return showReturn(ctx, back);
    }
    const { error, error_description } = parameters;
    if (route !== 'authorization' || error === undefined) return builtIn();
    if (isTrustedRedirect(agent, redirectUri, decisions.documents())) return builtIn();
    if (ctx.status < 400) ctx.status = 400; // of an error that the engine meant to redirect
    showPage(ctx, renderError({ error, error_description }, back));
  };
}
