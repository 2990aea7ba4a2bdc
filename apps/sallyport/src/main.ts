#!/usr/bin/env node
import { whyTooOld } from './why-too-old.js';

// What everything else is written in may be more than an old Node can read: it is loaded once this one is known to do.
const problem = whyTooOld(process.versions.node, process.argv[2]);
if (problem === undefined) {
  const { run } = await import('./run.js');
  await run(process.env);
} else {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
}
