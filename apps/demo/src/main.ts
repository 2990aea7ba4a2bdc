import { SallyportError } from '@sallyport/kernel';
import { readStoryConfig, usage } from './agent/config.js';
import { Report } from './agent/report.js';
import { tellStory } from './agent/tell-story.js';

let report = new Report(process.stdout, false);
try {
  const config = readStoryConfig(process.argv.slice(2), process.stdout.isTTY);
  if (config === undefined) {
    process.stdout.write(usage);
  } else {
    report = new Report(process.stdout, config.colour);
    await tellStory(config, report);
  }
} catch (error) {
  report.failure(
    error instanceof SallyportError
      ? error.message
      : `A step failed: ${error instanceof Error ? error.message : String(error)}`,
  );
  process.exitCode = 1;
}
