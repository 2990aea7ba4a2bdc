import { makeScratch, removeScratch } from '@sallyport/testing';
import { tryNpmPackage } from './npm-package.js';

const say = (line: string) => void process.stdout.write(`${line}\n`);

const scratch = makeScratch('artefacts');
try {
  const began = performance.now();
  say('npm package');
  await tryNpmPackage(scratch, say);
  say(`✓ npm package: ${((performance.now() - began) / 1000).toFixed(0)} s`);
} finally {
  removeScratch(scratch);
}
