import type { Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { EngineDecisions, RenderError } from '../engine.js';
import { showPage } from '../show-page.js';
import { AgentUnknown } from '../unknown-agent.js';

interface ErrorPages {
  readonly issuer: string;
  readonly renderError: RenderError;
  readonly decisions: Pick<EngineDecisions, 'registration'>;
}

/** How an error is told that has no redirect URI to go to (RFC 6749 section 4.1.2.1). */
export function errorPages({ issuer, renderError, decisions }: ErrorPages) {
  return {
    renderError: (ctx, out, error) => {
      // Some agents ask for this page before a browser does, to learn whether they are known here. They get JSON.
      if (ctx.accepts('html', 'json') === 'json') return answerProgram(ctx, out, issuer, decisions);
      const unknown = error instanceof AgentUnknown ? error.unknown : undefined;
      showPage(ctx, renderError({ ...out, unknown, redirectUri: redirectUriOf(ctx) }));
    },
  } satisfies Configuration;
}

/**
 * Answers a program that asks for the page itself (`Accept: application/json`; mcp-remote does): the error in the words
 * of RFC 6749 section 5.2, and where to register.
 */
function answerProgram(
  ctx: KoaContextWithOIDC,
  { error, error_description }: { readonly error: string; readonly error_description?: string | undefined },
  issuer: string,
  { registration }: Pick<EngineDecisions, 'registration'>,
): void {
  const mayRegister = error === 'invalid_client' && registration.mode !== 'off';
  ctx.type = 'json';
  ctx.body = { error, error_description, ...(mayRegister ? { registration_endpoint: `${issuer}/register` } : {}) };
}

/** As the request names it. Nobody has checked it. */
function redirectUriOf({ oidc, query }: KoaContextWithOIDC): string | undefined {
  const uri: unknown = oidc.params?.['redirect_uri'] ?? query['redirect_uri'];
  return typeof uri === 'string' ? uri : undefined;
}
