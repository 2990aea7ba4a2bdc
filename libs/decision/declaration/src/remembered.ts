/**
 * The same function, which looks at each object once and remembers what it found for as long as the object is. For what
 * depends on nothing else, of objects that nobody changes: of thousands of documents a write changes few.
 */
export function remembered<T extends object, R>(look: (object: T) => R): (object: T) => R {
  const found = new WeakMap<T, { readonly result: R }>();
  return (object) => {
    let known = found.get(object);
    if (known === undefined) found.set(object, (known = { result: look(object) }));
    return known.result;
  };
}
