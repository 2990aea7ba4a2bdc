/**
 * Whether two identifiers, of issuers or of resources, are one: an empty path and `/` are the same (RFC 3986 section
 * 6.2.3), everything else is compared exactly. Servers announce `https://as.example/` where the metadata there says
 * `https://as.example`.
 */
export function isSameIdentifier(one: string, other: string): boolean {
  return withoutEmptyPath(one) === withoutEmptyPath(other);
}

function withoutEmptyPath(identifier: string): string {
  return /^https?:\/\/[^/?#]+\/$/.test(identifier) ? identifier.slice(0, -1) : identifier;
}
