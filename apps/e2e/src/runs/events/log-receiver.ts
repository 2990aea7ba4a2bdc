import { closeSync, openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { z } from 'zod';
import { Arrived } from './journals.js';

const Member = z.object({
  key: z.string(),
  value: z.object({ stringValue: z.string().optional(), intValue: z.coerce.number().optional() }),
});
const Exported = z.object({
  resourceLogs: z.array(
    z.object({
      scopeLogs: z.array(
        z.object({
          logRecords: z.array(z.object({ body: z.object({ kvlistValue: z.object({ values: z.array(Member) }) }) })),
        }),
      ),
    }),
  ),
});

/** Of an export request of OTLP in its JSON, each record's members that tell events apart. */
function recordsIn(body: string, arrivedAt: number): Arrived[] {
  return Exported.parse(JSON.parse(body)).resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => {
        const members = record.body.kvlistValue.values.map(({ key, value }) => [
          key,
          value.stringValue ?? value.intValue,
        ]);
        return Arrived.parse({ ...Object.fromEntries(members), arrivedAt });
      }),
    ),
  );
}

/**
 * Takes logs by OTLP/HTTP, as a collector with a file does: what it answered for is in the file, whatever becomes of
 * the process. It goes on where an earlier one ended.
 */
async function receive(port: number, file: string): Promise<void> {
  const kept = openSync(file, 'a');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      const records = recordsIn(Buffer.concat(chunks).toString(), Date.now());
      writeSync(kept, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  process.stdout.write('receiving\n');
  await new Promise((resolve) => process.once('SIGTERM', resolve));
  server.close();
  server.closeAllConnections();
  closeSync(kept);
}

const [port = '', file = ''] = process.argv.slice(2);
await receive(Number(port), file);
