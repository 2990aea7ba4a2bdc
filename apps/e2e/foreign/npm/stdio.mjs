import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { sdkServer } from './sdk-server.mjs';

await sdkServer().connect(new StdioServerTransport());
