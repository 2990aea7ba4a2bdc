import { makeScratch, removeScratch } from '@sallyport/testing';
import { tryClone } from './clone.js';
import { tryNpmPackage } from './npm-package.js';

const say = (line: string) => void process.stdout.write(`${line}\n`);

for (const [name, attempt] of [
  ['npm package', tryNpmPackage],
  ['clone', tryClone],
] as const) {
  const scratch = makeScratch('artefacts');
  try {
    const began = performance.now();
    say(name);
    await attempt(scratch, say);
    say(`✓ ${name}: ${((performance.now() - began) / 1000).toFixed(0)} s`);
  } finally {
    removeScratch(scratch);
  }
}
