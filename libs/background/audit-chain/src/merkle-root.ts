import { sha256 } from './sha256.js';

const LEAF = '\u0000';
const NODE = 1;

/** Of one leaf's data (RFC 6962 §2.1). */
export const leafHash = (data: string): Buffer => sha256(LEAF + data);

/** Of a list of leaf hashes, in order (RFC 6962 §2.1); of none it is the hash of nothing. */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256('');
  const node = Buffer.of(NODE, ...Buffer.alloc(64));
  // Pairing from the left, level by level, and taking what is single up as it is, makes the same tree.
  let level = leaves;
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = [level[index], level[index + 1]];
      if (left === undefined) continue;
      if (right === undefined) above.push(left);
      else {
        left.copy(node, 1);
        right.copy(node, 33);
        above.push(sha256(node));
      }
    }
    level = above;
  }
  return level[0] ?? Buffer.alloc(0);
}
