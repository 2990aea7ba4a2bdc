import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** What the process of the calling agents is told. */
export const CallingOrder = z.object({
  gateways: z.array(z.string()),
  /** Of the public address, which the gateways answer for. */
  host: z.string(),
  tokens: z.array(z.string()),
  perSecond: z.number(),
  /** Where each call is written down once it ended: a line of JSON, {@link Called}. */
  journal: z.string(),
});
export type CallingOrder = z.infer<typeof CallingOrder>;

/** One call, as the agent saw it. */
export const Called = z.object({
  /** In its `traceparent`, and nowhere else. */
  traceId: z.string(),
  /** Which gateway it was sent to, from 0 on. */
  gateway: z.number(),
  sentAt: z.number(),
  endedAt: z.number(),
  /** What came instead of the tool's result. */
  failure: z.string().optional(),
});
export type Called = z.infer<typeof Called>;

/** What the receiver's file says of a record that arrived, a line of JSON each. */
export const Arrived = z.object({
  id: z.string(),
  type: z.string(),
  writer: z.string().optional(),
  n: z.number().optional(),
  arrivedAt: z.number(),
});
export type Arrived = z.infer<typeof Arrived>;

/** Whole lines of a journal that is perhaps being written. */
export const readJournal = <T>(file: string, schema: z.ZodType<T>): T[] => {
  const text = readFileSync(file, 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)));
};
