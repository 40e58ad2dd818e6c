/** Whether an object is a literal's or JSON's, of whichever realm, rather than an instance of some class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * A deep copy of a value that a page gives: of plain objects, lists, and what can be a body. Instances of other classes are
 * shared.
 */
export function copyPlain<T>(value: T, copies?: Map<unknown, unknown>): T;
export function copyPlain(value: unknown, copies = new Map<unknown, unknown>()): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    for (const item of value) list.push(copyPlain(item, copies));
    return list;
  }
  if (isPlainObject(value)) {
    const object: Record<string, unknown> = Object.create(Object.getPrototypeOf(value));
    copies.set(value, object);
    for (const [key, item] of Object.entries(value)) {
      // Not by assignment: a key may be __proto__.
      Object.defineProperty(object, key, {
        value: copyPlain(item, copies),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    return object;
  }
  if (value instanceof URLSearchParams) return new URLSearchParams(value);
  if (value instanceof Uint8Array) return Buffer.from(value);
  return value instanceof FormData ? copyForm(value) : value;
}

function copyForm(form: FormData): FormData {
  const copy = new FormData();
  for (const [name, value] of form) copy.append(name, value);
  return copy;
}
