export type Path = readonly (string | number)[];

const PLAIN = /^[^.[\]"\s]+$/;

/** Such as `spec.tools.0.match`. A key that would not be told apart is quoted: `spec."a.b"`. */
export const textOfPath = (path: Path): string =>
  path.map((part) => (typeof part === 'number' || PLAIN.test(part) ? String(part) : JSON.stringify(part))).join('.');
