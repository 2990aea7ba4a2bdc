import { lenientReading, uriDeviation } from '../resource-uri.js';

/**
 * What another reader may take for another text, so that no comparison can be relied on: the expression fails, which
 * denies.
 */
export class AmbiguousText extends Error {}

/** Of a URI that is sent, and of a path on most systems. */
const MAX_LENGTH = 4_096;

/** A URI in its normal form, without encoded separators: what every reader takes for the same resource. */
export function isNormalUri(uri: string): boolean {
  return uri.length <= MAX_LENGTH && uriDeviation(uri) === undefined && !/%(?:2F|3F|23)/.test(uri);
}

/** `file:///srv/public/a` is within `file:///srv/public` and `file:///srv/public/`. @throws AmbiguousText */
export function uriWithin(uri: string, base: string): boolean {
  if (!isNormalUri(uri) || !isNormalUri(base) || /[?#]/.test(base))
    throw new AmbiguousText('a URI is not in its normal form');
  return isWithin(lenientReading(uri).withoutQuery, lenientReading(base).whole);
}

/**
 * A path that every reader resolves to itself: no dot segments, empty segments, backslashes, control characters or
 * percent-encoding, no `~` in front, no segment that ends in a dot or blank (Windows drops them), text in NFC.
 */
export function isPlainPath(path: string): boolean {
  if (path === '' || path.length > MAX_LENGTH || !path.isWellFormed() || path.normalize('NFC') !== path) return false;
  if (/[\p{Cc}\\]|%[0-9A-Fa-f]{2}|^~/u.test(path)) return false;
  const segments = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  return path === '/' || segments.every((segment) => segment !== '' && !/[. ]$/.test(segment));
}

/** `/srv/public/a` is within `/srv/public` and `/srv/public/`; itself too. @throws AmbiguousText */
export function pathWithin(path: string, base: string): boolean {
  if (!isPlainPath(path) || !isPlainPath(base)) throw new AmbiguousText('a path is not plain');
  return isWithin(path, base);
}

function isWithin(text: string, base: string): boolean {
  const folder = base.replace(/\/$/, '');
  return text === folder || text.startsWith(`${folder}/`);
}
