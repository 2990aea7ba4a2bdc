import type { Command } from 'commander';
import type { AddOptions } from '../add/add-options.js';
import { addressOf, allowed } from '../add/address-of.js';
import { reportOn } from '../add/report-on.js';
import { requireNode } from '../add/require-node.js';
import { surroundingsOf } from '../add/surroundings-of.js';
import { writeNewFile } from '../add/write-new-file.js';
import { CliError } from '../cli-error.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';

export function addAddCommand(program: Command, run: Run): void {
  program
    .command('add')
    .description('Ask a server what it is, and write the documents that put it behind the gateway')
    .argument('[url]', "The address of the server's MCP endpoint")
    .option('--registry <name>', 'Take the address from an MCP registry, by name: io.github.owner/server')
    .option('--registry-url <url>', 'Another registry than registry.modelcontextprotocol.io')
    .option('--server-json <file>', 'Take the address from a server.json, - for standard input')
    .option('--name <name>', "The server's name in policies and before its tools, instead of one made from its host")
    .option('--role <role>', 'Whom the first policy is for, instead of everybody who passes the first hop')
    .option('--issuer <url>', 'The issuer of our authorization server, whose tokens the server may take')
    .option(
      '--allow <origin>',
      'A further private address that may be asked, such as https://login.internal',
      collect,
      [],
    )
    .option('--out <file>', 'Write the documents to a new file instead of standard output')
    .option('--offline', 'Do not look at the system for names that are taken')
    .action(
      act<[string | undefined], AddOptions>(run, async (context, { args: [typed], options }) => {
        const { output, world } = context;
        requireNode(process.versions.node);
        // Only this command needs it, and it takes longer to load than most others take to run.
        const { describeServer, probeServer, renderDocuments } = await import('@sallyport/server-probe');
        const { url, entry, unknowns: noted } = await addressOf(world, typed, options);
        const alsoAllow = options.allow.map(allowed);
        output.progress(`asking ${url.host}`);
        const [findings, around] = await Promise.all([
          probeServer(url.href, { alsoAllow, registry: entry }),
          surroundingsOf(context, options),
        ]);
        output.done();
        const description = describeServer(findings, { ...around, alsoAllow });
        const described = { ...description, unknowns: [...noted, ...description.unknowns] };
        const isPiped = options.out === undefined;
        reportOn(output, { url: findings.url, described, isBeside: isPiped });
        if (described.documents.length === 0)
          throw new CliError(
            EXIT.failed,
            `Nothing is written for ${url.href}.`,
            described.unknowns.map(({ what, todo }) => `${what}. ${todo}`),
          );
        const yaml = renderDocuments(described.documents);
        const file = options.out === undefined ? undefined : await writeNewFile(world, options.out, yaml);
        output.one('declaration', { yaml, ...(file === undefined ? {} : { file }) }, () =>
          file === undefined
            ? yaml.trimEnd().split('\n')
            : [
                `Wrote ${described.documents.length} documents to ${file}.`,
                'Read them, then: sallyport validate, plan, apply.',
              ],
        );
      }),
    );
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
