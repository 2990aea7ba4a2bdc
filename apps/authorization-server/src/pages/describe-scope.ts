import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { quotedName } from '@sallyport/kernel';
import { titleOfServer } from '@sallyport/server';

/**
 * A scope in words: which tools of which servers it opens, as the policies that use it say. Sorted, without repeats.
 */
export function describeScope(snapshot: ConfigurationSnapshot, scope: string): string[] {
  const words = new Set<string>();
  for (const { spec } of snapshot.all('AccessPolicy')) {
    if (spec.hop !== 'gateway-to-server') continue;
    const server = quotedName(titleOfServer(snapshot, spec.server));
    const tools = spec.tools.filter((rule) => rule.scope === scope).flatMap((rule) => rule.match);
    const resources = spec.resources.filter((rule) => rule.scope === scope).flatMap((rule) => rule.match);
    const prompts = spec.prompts.filter((rule) => rule.scope === scope).flatMap((rule) => rule.match);
    if (tools.length > 0) words.add(`Use ${listed(tools, 'tool')} of ${server}`);
    if (resources.length > 0) words.add(`Read ${listed(resources, 'resource')} of ${server}`);
    if (prompts.length > 0) words.add(`Use ${listed(prompts, 'prompt')} of ${server}`);
  }
  return [...words].toSorted();
}

function listed(patterns: readonly string[], noun: string): string {
  if (patterns.some((pattern) => pattern === '*' || pattern === '**')) return `every ${noun}`;
  const shown = patterns.slice(0, 4).join(', ');
  return `the ${noun}s ${shown}${patterns.length > 4 ? ` and ${patterns.length - 4} more` : ''}`;
}
