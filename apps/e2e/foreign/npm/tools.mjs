import { appendFileSync } from 'node:fs';
import { z } from 'zod';

/** Appends to the journal that the test reads. */
export const note = (line) => appendFileSync(process.env.FOREIGN_JOURNAL, `${line}\n`);

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Name, description, parameters, and what is said: an `Error` where the tool fails. */
export const tools = [
  { name: 'echo', description: 'Says it back.', shape: { text: z.string() }, run: async ({ text }) => `echo: ${text}` },
  {
    name: 'slow',
    description: 'Says it back after a while.',
    shape: { text: z.string(), seconds: z.number() },
    run: async ({ text, seconds }) => {
      await pause(seconds);
      return `slow: ${text}`;
    },
  },
  {
    name: 'fail',
    description: 'Fails and says why.',
    shape: { text: z.string() },
    run: async ({ text }) => {
      throw new Error(`failed: ${text}`);
    },
  },
].map((tool) => ({
  ...tool,
  run: async (args) => {
    note(`${tool.name} ${args.text}`);
    return tool.run(args);
  },
}));
