import { setFlagsFromString } from 'node:v8';

/** V8's own, by which it enlarges the young generation whenever much of it survives a collection. */
const USUAL_GROWTH = 2;

/**
 * Keeps V8's young generation as small as it begins, until `release` is called. Loading a thousand modules would make
 * it 64 MiB, and V8 does not give them back; calls make it as large as they need it.
 *
 * Call it before the modules are loaded: they are imported afterwards, by `import()`.
 * @returns release
 */
export function holdYoungGeneration(): () => void {
  setFlagsFromString('--semi-space-growth-factor=1');
  return () => setFlagsFromString(`--semi-space-growth-factor=${USUAL_GROWTH}`);
}
