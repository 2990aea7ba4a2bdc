import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { attack, Attack } from './attack.js';

// A process of its own that steps back: attackers have processors of their own, and here they share those of whom they
// attack.
setPriority(constants.priority.PRIORITY_LOW);
const counts = await attack(Attack.parse(JSON.parse(readFileSync(0, 'utf8'))));
process.stdout.write(`${JSON.stringify(counts)}\n`);
