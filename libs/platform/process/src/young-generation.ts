import { setFlagsFromString } from 'node:v8';

/**
 * By how much V8 then enlarges the young generation, each time as much has survived as it holds; 2 if nobody says. Of
 * calls next to nothing survives: by twos it would take minutes of load until collections are rare.
 */
const GROWTH = 4;

/**
 * Keeps V8's young generation as small as it begins, until `release` is called. Loading a thousand modules would make
 * it 64 MiB, and V8 does not give them back; calls make it as large as they need it.
 *
 * Call it before the modules are loaded: they are imported afterwards, by `import()`.
 * @returns release
 */
export function holdYoungGeneration(): () => void {
  setFlagsFromString('--semi-space-growth-factor=1');
  return () => setFlagsFromString(`--semi-space-growth-factor=${GROWTH}`);
}
