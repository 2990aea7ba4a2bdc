import { readFileSync } from 'node:fs';
import { attack, Attack } from './attack.js';

// A process of its own: an attack must not take the time of whoever measures.
const counts = await attack(Attack.parse(JSON.parse(readFileSync(0, 'utf8'))));
process.stdout.write(`${JSON.stringify(counts)}\n`);
