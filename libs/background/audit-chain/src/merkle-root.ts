import { createHash } from 'node:crypto';

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** Of one leaf's data (RFC 6962 §2.1). */
export const leafHash = (data: string): Buffer => createHash('sha256').update(LEAF).update(data).digest();

/** Of a list of leaf hashes, in order (RFC 6962 §2.1); of none it is the hash of nothing. */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest();
  // Pairing from the left, level by level, and taking what is single up as it is, makes the same tree.
  let level = leaves;
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = [level[index], level[index + 1]];
      if (left === undefined) continue;
      above.push(right === undefined ? left : createHash('sha256').update(NODE).update(left).update(right).digest());
    }
    level = above;
  }
  return level[0] ?? Buffer.alloc(0);
}
