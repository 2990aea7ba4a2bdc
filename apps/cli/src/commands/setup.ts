import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { act, type Context, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { recipesFor, type Recipe } from '../setup/recipes.js';
import { findLocalStart } from '../target/local-start.js';

export function addSetupCommand(program: Command, run: Run): void {
  program
    .command('setup')
    .description('Print how to connect an agent: Claude, Cursor, VS Code and others')
    .argument('[agent]', 'One agent; all of them unless said')
    .option('--gateway <url>', "The gateway's address, such as https://gateway.example.com")
    .action(
      act<[string | undefined], { gateway?: string }>(run, async (context, { args: [agent], options }) => {
        const recipes = recipesFor(await endpointOf(context, options.gateway));
        const shown = agent === undefined ? recipes : recipes.filter((recipe) => recipe.agent === agent);
        if (shown.length === 0)
          throw new CliError(EXIT.invalid, `There is no recipe for ${agent}.`, [
            `There are: ${recipes.map((recipe) => recipe.agent).join(', ')}.`,
            'Any agent that speaks MCP over Streamable HTTP and OAuth needs the gateway’s address and nothing else.',
          ]);
        for (const recipe of shown) output(context, recipe);
      }),
    );
}

function output({ output: to }: Context, recipe: Recipe): void {
  to.one('recipe', recipe, () => [
    `${to.paint('bold', recipe.title)} ${to.paint('dim', `(${recipe.agent})`)}`,
    ...recipe.steps.flatMap((step) => {
      switch (step.do) {
        case 'run':
          return [`  $ ${to.paint('cyan', step.command)}`];
        case 'write':
          return [`  ${step.file}:`, ...step.text.split('\n').map((line) => `    ${to.paint('cyan', line)}`)];
        case 'say':
          return [`  ${step.text}`];
      }
    }),
    '',
  ]);
}

/** What an agent is given: the gateway's address with `/mcp`, or an address that has a path already. */
async function endpointOf(context: Context, given: string | undefined): Promise<string> {
  const gateway = given ?? findLocalStart(context.world)?.gatewayUrl ?? (await context.target()).gatewayUrl;
  if (gateway === undefined)
    throw new CliError(EXIT.invalid, 'Where the gateway is was not said.', ['Say it with --gateway URL.']);
  if (!URL.canParse(gateway) || !/^https?:$/.test(new URL(gateway).protocol))
    throw new CliError(EXIT.invalid, `${gateway} is no address.`, ['Write it as https://gateway.example.com.']);
  const url = new URL(gateway);
  return url.pathname === '/' ? `${url.origin}/mcp` : url.href;
}
