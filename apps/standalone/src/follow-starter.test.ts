import { expect, test } from 'vitest';
import { linksToStarter, type ProcessFacts } from './follow-starter.js';

const linksOf = (processes: Record<number, ProcessFacts>, parent: number) =>
  linksToStarter((pid) => processes[pid], { pid: 100, parent }).map(({ pid }) => pid);

test.each<[string, Record<number, ProcessFacts>]>([
  [
    'npm, as it calls itself',
    { 99: { parent: 98, command: 'sh -c node tools/run.mjs start' }, 98: { parent: 50, command: 'npm start' } },
  ],
  [
    'npm by its file',
    {
      99: { parent: 98, command: 'sh -c node tools/run.mjs start' },
      98: { parent: 50, command: '/usr/bin/node /usr/lib/node_modules/npm/bin/npm-cli.js start' },
    },
  ],
  [
    'pnpm',
    {
      99: { parent: 98, command: '/bin/sh -c node tools/run.mjs start' },
      98: { parent: 50, command: 'node /usr/local/bin/pnpm start' },
    },
  ],
])('%s is followed through the shell it runs us by', (_what, processes) => {
  expect(linksOf(processes, 99)).toEqual([100, 99]);
});

test('our own bootstrap on another Node.js is between', () => {
  expect(
    linksOf(
      {
        99: { parent: 98, command: 'node tools/run.mjs start' },
        98: { parent: 97, command: 'sh -c node tools/run.mjs start' },
        97: { parent: 1, command: 'npm start' },
      },
      99,
    ),
  ).toEqual([100, 99, 98]);
});

test.each<[string, Record<number, ProcessFacts>, number]>([
  ['a shell', { 99: { parent: 1, command: '-bash' } }, 99],
  ['a shell in a folder of that name', { 99: { parent: 1, command: 'bash /home/me/npm-things/run.sh' } }, 99],
  ['an init system', {}, 1],
  ['nobody, in a container', {}, 0],
  ['somebody who cannot be read', {}, 99],
])('%s is not: whoever leaves us running means it', (_what, processes, parent) => {
  expect(linksOf(processes, parent)).toEqual([]);
});
