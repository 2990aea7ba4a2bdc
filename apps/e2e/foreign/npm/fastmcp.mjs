// The tools on FastMCP (npm): `fastmcp.mjs sessions | stateless`, at $PORT.
import { FastMCP } from 'fastmcp';
import { z } from 'zod';
import { tools } from './tools.mjs';

const server = new FastMCP({ name: 'fastmcp', version: '1.0.0' });
for (const { name, description, shape, run } of tools) {
  server.addTool({ name, description, parameters: z.object(shape), execute: run });
}
const httpStream = { host: '127.0.0.1', port: Number(process.env.PORT), stateless: process.argv[2] === 'stateless' };
await server.start({ transportType: 'httpStream', httpStream });
