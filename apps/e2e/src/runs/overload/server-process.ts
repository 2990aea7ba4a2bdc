import { constants, setPriority } from 'node:os';
import { startPlainServer } from '../../system/plain-server.js';

// The attackers' server has a processor of its own elsewhere, and steps back here as they do.
if (process.argv[2] === 'attackers') setPriority(constants.priority.PRIORITY_LOW);
const { url, stop } = await startPlainServer();
process.once('SIGTERM', () => void stop());
process.stdout.write(`${url}\n`);
