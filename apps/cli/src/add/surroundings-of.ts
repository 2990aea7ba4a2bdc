import type { Surroundings } from '@sallyport/server-probe';
import { z } from 'zod';
import { CliError } from '../cli-error.js';
import type { AddOptions } from './add-options.js';
import type { Context } from '../context.js';
import { explainError } from '../explain-error.js';

/**
 * What the deployment that the server is for has already: names that are taken, hosts that may be called, and its own
 * addresses. Where no system answers, a note says so, and the documents are written without.
 */
export async function surroundingsOf(
  context: Context,
  { name, role, issuer, offline }: Pick<AddOptions, 'name' | 'role' | 'issuer' | 'offline'>,
): Promise<Surroundings> {
  const said = { name, role, issuer };
  if (offline === true) return said;
  try {
    const { url: controlPlane } = await context.target();
    const [{ documents }, found] = await Promise.all([
      (await context.client()).readConfiguration(),
      issuerOf(controlPlane, context),
    ]);
    const network = documents.find((document) => document.kind === 'OutboundNetwork');
    return {
      ...said,
      controlPlane,
      issuer: issuer ?? found,
      existing: documents,
      outboundNetwork: network?.spec.allow,
    };
  } catch (error) {
    const explained = explainError(error);
    if (!(explained instanceof CliError)) throw error;
    context.output.note(`Names that are taken were not looked at: ${explained.message}`);
    return said;
  }
}

const ResourceMetadata = z.object({ authorization_servers: z.array(z.string()).min(1) });

/** Our own authorization server, as the administrators' API names it (RFC 9728). */
async function issuerOf(controlPlane: string, { world }: Context): Promise<string | undefined> {
  try {
    const { origin, pathname } = new URL(`${controlPlane}/v1`);
    const answer = await world.fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`, {
      signal: AbortSignal.any([world.signal, AbortSignal.timeout(3_000)]),
    });
    return ResourceMetadata.parse(await answer.json()).authorization_servers[0];
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    if (error instanceof Error && error.name === 'TimeoutError') return undefined;
    throw error;
  }
}
