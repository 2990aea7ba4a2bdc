import { createLogger } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { PinoNestLogger } from './pino-nest-logger.js';

test("Nest's messages become lines of our log with stack and origin", () => {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'debug',
    destination: { write: (line) => void lines.push(line) },
  });
  const last = () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
  const nest = new PinoNestLogger(logger);
  nest.error(new Error('boom'), 'Error: boom\n    at here', 'ExceptionsHandler');
  expect(last()).toMatchObject({ level: 'error', nest: 'ExceptionsHandler', msg: 'boom', err: { message: 'boom' } });
  nest.warn('Bearer hunter2', 'Router');
  expect(last()).toMatchObject({ level: 'warn', nest: 'Router' });
  expect(lines.join()).not.toContain('hunter2');
});
